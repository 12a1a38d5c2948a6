"""A whole plant on this computer: hub, plant broker, simulated machines and edge, set up through the real API.

Knows how the programs fit together; what people see of it is `installer.demo`. A second run finds everything in place.
"""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pypdfium2
import zxingcpp
from pydantic import SecretStr

from core.errors import FettleError
from core.paths import private_dir, write_private
from core.wire.assets import PrintLabels
from core.wire.fleet import EdgeView, SaveDevice
from core.wire.people import LogIn, SavePerson, SetUp
from desktop.hub_client import HubClient
from edge_agent.simulator import tell
from installer.demo_children import Children, Died, free_port, listens, wait

TOPIC = "plant/packing/line1"
WANTED_PORTS = {
    "http": 8750,
    "mqtt": 1883,
    "plant": 1884,
    "moulding": 15020,
    "compressor": 15021,
    "control": 15029,
}
LABELLED = "A-00001"
_ALPHABET = string.ascii_letters.translate({ord(c): None for c in "lIO"}) + "23456789"


class DemoPlant:
    """The demo's folder and programs. `start` brings all up; `stop` ends all."""

    def __init__(
        self, folder: Path, language: str, host: str = "127.0.0.1", free_ports: bool = False
    ) -> None:
        self.folder = folder.resolve()
        self.language = language
        self.host = host
        self.children = Children(self.folder / "logs", {"FETTLE_LANGUAGE": language})
        self.client: HubClient
        self.url = ""  # where the hub answers to others
        self.admin = {"login": "admin", "password": ""}
        self.people: dict[str, str] = {}  # login → password
        self.phone_link = ""
        self.first_run = False
        self._free_ports = free_ports
        self._ports: dict[str, int] = {}
        self._plant_password = ""
        self._joined_at: dict[str, Any] = {}

    # -- what is kept between runs

    @property
    def _notes(self) -> Path:
        return self.folder / "demo.json"

    def _read_notes(self) -> None:
        try:
            notes = json.loads(self._notes.read_text("utf-8"))
        except FileNotFoundError:
            notes = {}
        self.admin = notes.get("admin") or {"login": "admin", "password": new_password()}
        self.people = notes.get("people", {})
        self.phone_link = notes.get("phone_link", "")
        self._plant_password = notes.get("plant_password") or new_password()
        self._joined_at = notes.get("joined_at", {})
        before = notes.get("ports", {})
        self._ports = {
            name: free_port(before.get(name) or (0 if self._free_ports else port))
            for name, port in WANTED_PORTS.items()
        }

    def _write_notes(self) -> None:
        notes = {
            "admin": self.admin,
            "people": self.people,
            "phone_link": self.phone_link,
            "plant_password": self._plant_password,
            "joined_at": self._joined_at,
            "ports": self._ports,
        }
        write_private(self._notes, json.dumps(notes, indent=1))

    # -- starting

    def start(self, progress: Callable[[str], None] = lambda _what: None) -> None:
        """Bring everything up; Died or FettleError say what stands in the way. `progress` hears each step's name."""
        private_dir(self.folder)
        self._read_notes()
        self._write_notes()
        progress("hub")
        progress("plant")
        # All at once: on two cores that halves the waiting.
        answers, listening, simulating = self._start_hub(), self._start_broker(), self._start_simulator()
        wait(answers, "hub", self.children)
        wait(listening, "plant broker", self.children)
        wait(simulating, "simulator", self.children)
        progress("people" if self.client.setup_state().needed else "log-in")
        self._log_in_or_set_up()
        self._give_passwords()
        progress("edge")
        self._point_devices()
        self._start_edge()
        progress("label")
        self._print_label()

    def stop(self) -> None:
        """End all programs."""
        if self.url:
            self.client.close()
        self.children.stop()

    @property
    def control_port(self) -> int:
        """Where the simulator takes orders."""
        return self._ports["control"]

    def tell(self, order: str, fault: str = "") -> None:
        """Break or mend something in the simulated plant."""
        tell(self._ports["control"], {"do": order, "name": fault} if fault else {"do": order})

    def log_in(self, login: str) -> HubClient:
        """A client in which one of the plant's people is logged in."""
        client = HubClient(self.client.address)
        password = self.people.get(login) or self.admin["password"]
        client.token = client.log_in(LogIn(login=login, password=SecretStr(password), program="demo")).token
        return client

    def _start_hub(self) -> Callable[[], bool]:
        data = self.folder / "hub"
        ports = ["--port", str(self._ports["http"]), "--mqtt-port", str(self._ports["mqtt"])]
        # The demo's edge runs here, and the broker listens here alone, also when phones of the network are let in.
        here = {"FETTLE_HUB__BROKER__PUBLIC_HOST": "127.0.0.1"}
        self.children.start("hub", "hub", "--data", str(data), "--host", self.host, *ports, environment=here)

        def answers() -> bool:
            try:
                facts = json.loads((data / "run.json").read_text("utf-8"))
            except (OSError, ValueError):
                return False
            # Set-up is for this computer alone, so the demo itself stays on loopback.
            client = HubClient(f"http://127.0.0.1:{facts['http_port']}")
            try:
                client.health()
            except FettleError:
                client.close()
                return False
            self.client, self.url = client, facts["url"]
            return True

        return answers

    def _start_broker(self) -> Callable[[], bool]:
        passwords = self.folder / "plant-broker-passwords"
        write_private(
            passwords,
            f"machine:{self._plant_password} pub=plant/#\nedge:{self._plant_password} sub=plant/#\n",
        )
        self.children.start(
            "plant-broker", "broker", "--port", str(self._ports["plant"]), "--passwords", str(passwords)
        )
        return lambda: listens(self._ports["plant"])

    def _start_simulator(self) -> Callable[[], bool]:
        password = self.folder / "machine-password"
        write_private(password, self._plant_password)
        ports = [
            part
            for name in ("moulding", "compressor", "control")
            for part in (f"--{name}-port", str(self._ports[name]))
        ]
        self.children.start(
            "simulator", "edge", "simulate", *ports,
            "--mqtt-url", f"mqtt://127.0.0.1:{self._ports['plant']}",
            "--mqtt-username", "machine", "--mqtt-password-file", str(password), "--topic", TOPIC,
        )  # fmt: skip
        return lambda: listens(self._ports["control"])

    # -- set-up through the API

    def _log_in_or_set_up(self) -> None:
        state = self.client.setup_state()
        if not state.needed:
            request = LogIn(
                login=self.admin["login"], password=SecretStr(self.admin["password"]), program="demo"
            )
            self.client.token = self.client.log_in(request).token
            return
        self.first_run = True
        chinese = self.language == "zh_CN"
        request_setup = SetUp(
            code=(self.folder / "hub" / "setup-code").read_text("utf-8").strip(),
            plant="东海精密塑件厂" if chinese else "Eastbay Precision Plastics",
            language="zh_CN" if chinese else "en",
            name="管理员" if chinese else "Administrator",
            login=self.admin["login"],
            password=SecretStr(self.admin["password"]),
            sample="zh_CN" if chinese else "en",
        )
        self.client.token = self.client.set_up(request_setup).token

    def _give_passwords(self) -> None:
        for person in self.client.people():
            if not person.login or person.login == self.admin["login"] or person.login in self.people:
                continue
            password = new_password()
            self.client.save_person(
                person.id,
                SavePerson(
                    **person.model_dump(
                        include=set(SavePerson.model_fields) & set(type(person).model_fields)
                    ),
                    team_ids=[team.id for team in person.teams],
                    shift_ids=[shift.id for shift in person.shifts],
                    password=SecretStr(password),
                ),
            )
            self.people[person.login] = password
        self._write_notes()

    def _point_devices(self) -> None:
        """Tell the hub where this run's machines are, and push when that has changed."""
        edge = self._edge()
        changed = edge.config_dirty or edge.config_version == 0
        for device in self.client.devices(edge.id):
            if device.kind == "mqtt":
                url = f"mqtt://127.0.0.1:{self._ports['plant']}"
                here: dict[str, Any] = {"url": url, "username": "edge", "password": self._plant_password}
            else:
                name = "moulding" if device.config.get("unit") == 1 else "compressor"
                here = {"host": "127.0.0.1", "port": self._ports[name]}
            known = {key: device.config.get(key) for key in here if key != "password"}
            if known == {key: value for key, value in here.items() if key != "password"}:
                continue
            changed = True
            self.client.save_device(
                device.id,
                SaveDevice(
                    version=device.version,
                    name=device.name,
                    kind=device.kind,
                    asset_id=device.asset.id if device.asset else None,
                    config={**device.config, **here},
                    active=device.active,
                ),
            )
        if changed:
            self.client.push_config(edge.id)

    def _edge(self) -> EdgeView:
        edges = self.client.edges()
        if not edges:
            raise Died("the sample plant has no edge")
        return edges[0]

    def _start_edge(self) -> None:
        data = str(self.folder / "edge")
        here = {"url": self.url, "mqtt": self._ports["mqtt"]}
        if self._joined_at != here or not self._edge().joined:
            code = self.client.join_code(self._edge().id).code
            self.children.run("edge", "join", "--data-dir", data, self.url, code)
            self._joined_at = here
            self._write_notes()
        self.children.start("edge", "edge", "run", "--data-dir", data)

        def applied() -> bool:
            edge = self._edge()
            if edge.config_errors:
                errors = "; ".join(f"{error.path}: {error.detail}" for error in edge.config_errors)
                raise Died(f"the edge refuses its configuration: {errors}")
            return edge.online and edge.applied_version == edge.config_version and edge.config_version > 0

        wait(applied, "the edge applies its configuration", self.children)

    def _print_label(self) -> None:
        """A real label, as the console prints it; its QR code, read back from the PDF, is the phone's address."""
        if self.phone_link.lower().startswith(self.url.lower()) and opens(self.phone_link):
            return
        asset = next(asset for asset in self.client.assets() if asset.number == LABELLED)
        pdf = self.client.labels_pdf(PrintLabels(asset_ids=[asset.id]))
        (self.folder / "label.pdf").write_bytes(pdf)
        page = pypdfium2.PdfDocument(pdf)[0]
        codes = zxingcpp.read_barcodes(page.render(scale=4).to_pil())
        if not codes:
            raise Died("the printed label cannot be read")
        self.phone_link = codes[0].text
        self._write_notes()


def new_password() -> str:
    """Sixteen characters that are easy to type, 92 bits."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))


def opens(link: str) -> bool:
    """Whether a page is there."""
    try:
        return httpx.get(link, timeout=10, follow_redirects=True, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def stamp() -> str:
    """Time of day, for lines that tell what happens."""
    return datetime.now().astimezone().strftime("%H:%M:%S")
