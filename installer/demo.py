"""`./dev demo`: a whole plant on this computer to look at, or with `--check` to be tried by itself.

Without a screen it prints the addresses instead of opening the console. Ctrl+C ends everything; what was entered stays.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from pathlib import Path

from core import i18n
from core.domain.workflow import OPEN
from core.errors import FettleError
from installer import demo_check
from installer.demo_children import Died
from installer.demo_plant import DemoPlant, stamp

ROOT = Path(__file__).resolve().parent.parent
# Faults that make a ticket, and the asset that gets it.
FAULTS = {
    "barrel-overheat": "A-00003",
    "packing-jam": "A-00017",
    "compressor-overheat": "A-00009",
    "pump-trip": "A-00002",
    "packing-overheat": "A-00018",
    "compressor-trip": "A-00010",
}
FIRST_FAULTS_S = (5.0, 20.0)  # after everything runs: something to see in the first minute
NEXT_FAULT_S = 150.0  # between the later ones
FAULT_LASTS_S = 130.0
WORDS = {
    "zh_CN": {
        "hub": "启动中心",
        "plant": "启动虚拟工厂（两台 Modbus 设备，一条 MQTT 包装线）",
        "people": "录入示例工厂、人员和密码",
        "log-in": "登录已有的示例工厂",
        "edge": "边缘代理加入并应用配置",
        "label": "打印设备二维码标签",
        "ready": "演示已就绪，用时 {seconds:.0f} 秒。数据在 {folder}",
        "console": "控制台与接口",
        "docs": "接口文档",
        "phone": "手机报修页（1号注塑机的标签）",
        "label_file": "标签文件",
        "login": "登录",
        "passwords": "以下密码只显示这一次（保存在 {file}，仅本人可读）：",
        "known": "密码在 {file}",
        "faults": "一分钟内将出现第一个模拟故障。手动制造故障：",
        "stop": "按 Ctrl+C 结束。",
        "ticket": "工单",
        "mended": "已恢复",
        "failed": "演示未能启动：",
        "logs": "日志在 {folder}",
    },
    "en": {
        "hub": "starting the hub",
        "plant": "starting the simulated plant (two Modbus machines, one MQTT packing line)",
        "people": "entering the sample plant, its people and their passwords",
        "log-in": "logging in to the plant that is there",
        "edge": "the edge joins and applies its configuration",
        "label": "printing an asset's label",
        "ready": "The demo is ready after {seconds:.0f} s. Its data is in {folder}",
        "console": "Console and API",
        "docs": "API documents",
        "phone": "Phone page (label of moulding machine 1)",
        "label_file": "Label to print",
        "login": "Log in as",
        "passwords": "These passwords are shown this once (kept in {file}, readable by you alone):",
        "known": "Passwords are in {file}",
        "faults": "The first simulated fault comes within a minute. To break something yourself:",
        "stop": "Ctrl+C ends it.",
        "ticket": "ticket",
        "mended": "mended",
        "failed": "The demo could not start:",
        "logs": "Logs are in {folder}",
    },
}


def main(argv: list[str] | None = None) -> int:
    """Exit code 0 after Ctrl+C or a check that went well, 1 with the reason otherwise."""
    parser = argparse.ArgumentParser(prog="./dev demo", description="A whole plant on this computer.")
    parser.add_argument(
        "--check", action="store_true", help="try everything once without a screen, then stop"
    )
    parser.add_argument("--quick", action="store_true", help="with --check: do not wait for the whole charts")
    parser.add_argument("--data", type=Path, help="folder of the demo; default var/demo")
    parser.add_argument(
        "--language", choices=i18n.LANGUAGES, help="of the sample plant; default this computer's"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="0.0.0.0: phones in your network can open the page"
    )
    parser.add_argument("--no-console", action="store_true", help="do not open the console")
    args = parser.parse_args(argv)
    language = args.language or i18n.from_environment()
    i18n.use(language)
    if args.check:
        return demo_check.main(args.data or ROOT / "var" / "demo-check", language, args.quick)
    return _show(DemoPlant(args.data or ROOT / "var" / "demo", language, args.host), not args.no_console)


def has_screen() -> bool:
    """Whether a window can be opened here."""
    return sys.platform in ("win32", "darwin") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )


def _show(plant: DemoPlant, console: bool) -> int:
    words = WORDS[plant.language]
    begun = time.monotonic()
    try:
        plant.start(lambda step: print(f"  … {words[step]}", flush=True))
        if plant.first_run:
            plant.client.run_plans()  # the hub does it within five minutes; here there is something to see at once
        _tell(plant, words, time.monotonic() - begun)
        if console and has_screen():
            _open_console(plant)
        _live(plant, words)
    except KeyboardInterrupt:
        return 0
    except (Died, FettleError, OSError) as error:
        reason = i18n.explain(error) if isinstance(error, FettleError) else str(error)
        print(
            f"{words['failed']} {reason}\n{words['logs'].format(folder=plant.folder / 'logs')}",
            file=sys.stderr,
        )
        return 1
    finally:
        plant.stop()
    return 0


def _tell(plant: DemoPlant, words: dict[str, str], seconds: float) -> None:
    notes = plant.folder / "demo.json"
    lines = [
        "",
        words["ready"].format(seconds=seconds, folder=plant.folder),
        "",
        f"  {words['console']}:  {plant.url}",
        f"  {words['docs']}:  {plant.url}/docs",
        f"  {words['phone']}:  {plant.phone_link}",
        f"  {words['label_file']}:  {plant.folder / 'label.pdf'}",
        "",
    ]
    if plant.first_run:
        lines.append(words["passwords"].format(file=notes))
        everybody = {plant.admin["login"]: plant.admin["password"], **plant.people}
        lines += [f"  {login:12} {password}" for login, password in everybody.items()]
    else:
        lines.append(words["known"].format(file=notes))
    lines += ["", words["faults"], f"  ./dev run edge simulate --tell {plant.control_port} fault pump-trip"]
    print("\n".join([*lines, "", words["stop"], ""]), flush=True)


def _open_console(plant: DemoPlant) -> None:
    """The console, logged in: a password of the demo is nothing to type on the first look."""
    from desktop.log_in import KeptSession  # brings Qt, which is not needed without a screen

    data = plant.folder / "console"
    session = plant.log_in(plant.admin["login"])
    KeptSession(data).keep(plant.url, session.token)
    session.close()
    plant.children.start("console", "console", "--data", str(data), "--hub", plant.url)


def _story(plant: DemoPlant) -> list[tuple[float, str, str]]:
    """(seconds, order, fault) to come; first those whose asset has no open ticket yet, for they make a new one."""
    busy = {
        ticket.asset.number
        for ticket in plant.client.tickets(limit=500).items
        if ticket.asset and ticket.source == "alarm" and ticket.state in OPEN
    }
    faults = sorted(FAULTS, key=lambda fault: FAULTS[fault] in busy)
    starts = [*FIRST_FAULTS_S, *(FIRST_FAULTS_S[-1] + NEXT_FAULT_S * n for n in range(1, len(faults)))]
    story = []
    for start_s, fault in zip(starts, faults, strict=False):
        story += [(start_s, "fault", fault), (start_s + FAULT_LASTS_S, "clear", fault)]
    return sorted(story)


def _live(plant: DemoPlant, words: dict[str, str]) -> None:
    """Tell the story's faults and each new ticket until Ctrl+C, or until the console is closed."""
    begun = time.monotonic()
    story = _story(plant)
    seen = {ticket.id for ticket in plant.client.tickets(limit=200, sort="-number").items}
    with_console = not plant.children.ended("console")
    while not (with_console and plant.children.ended("console")):
        plant.children.check(besides=("console",))
        while story and time.monotonic() - begun >= story[0][0]:
            _at_s, order, fault = story.pop(0)
            plant.tell(order, fault)
            what = i18n.label(f"simulator.fault.{fault}") if order == "fault" else words["mended"]
            print(f"  {stamp()}  {fault}: {what}", flush=True)
        for ticket in reversed(plant.client.tickets(limit=20, sort="-number").items):
            if ticket.id not in seen:
                seen.add(ticket.id)
                who = ticket.assignee.name if ticket.assignee else "-"
                state = i18n.label(f"ticket.state.{ticket.state}")
                print(
                    f"  {stamp()}  {words['ticket']} {ticket.number}  {ticket.title}  {state}  {who}",
                    flush=True,
                )
        threading.Event().wait(1)


if __name__ == "__main__":
    # A closed terminal ends it like Ctrl+C, so that no program is left behind.
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    sys.exit(main())
