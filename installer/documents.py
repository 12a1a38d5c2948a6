"""Writes the documents that are made from the code: settings, rights, licences, the wire contract with its schemas.

`--check` writes nothing and fails when a document on disk differs from what would be written.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import core.wire
from core.domain.people import POLICY, Action, Role
from core.i18n import label
from core.settings import ENV_PREFIX, describe
from installer import licences

ROOT = Path(__file__).resolve().parent.parent
MADE = "<!-- Made by `./dev docs` from the code; edit the code instead. -->\n"


def settings_page() -> str:
    """docs/settings.md"""
    lines = [
        MADE,
        "# Settings\n",
        "Each program reads one TOML file; an environment variable wins over it, the command line over both.",
        "An unknown key stops the program with a message that names the nearest known one. Secrets are given",
        "by environment or by a `*_file` key. What users edit while the hub runs lives in the database.\n",
        "`FETTLE_HOME` moves the data folders of all programs; `FETTLE_LANGUAGE` (`zh_CN` or `en`) chooses the",
        "language of a program's own words.\n",
    ]
    for model, prefix in ENV_PREFIX.items():
        program = prefix.split("_")[1].lower()
        lines.append(f"## `fettle {program}`: `{program}.toml`\n")
        lines.append("| Key | Default | Environment | Meaning |")
        lines.append("|---|---|---|---|")
        for key, default, meaning in describe(model):
            variable = prefix + key.upper().replace(".", "__")
            shown = f"`{default}`" if default not in ("", "(per user)") else default
            lines.append(f"| `{key}` | {shown} | `{variable}` | {meaning} |")
        lines.append("")
    return "\n".join(lines)


def rights_page() -> str:
    """docs/rights.md"""
    lines = [
        MADE,
        "# Roles and rights\n",
        "Checked in the hub alone, denied by default; the console hides what is not allowed. *own*: tickets",
        "assigned to or reported by oneself; *team*: those of one's teams; *all*: everything. Who has several",
        "roles has the widest right of them.\n",
        "| Action | " + " | ".join(label(f"role.{role}", "en") for role in Role) + " |",
        "|---|" + "---|" * len(Role),
    ]
    for action in Action:
        scopes = [POLICY[role].get(action) for role in Role]
        cells = " | ".join("" if scope is None else scope.value for scope in scopes)
        lines.append(f"| `{action.value}` {label(f'action.{action.value}', 'en')} | {cells} |")
    lines += [
        "",
        "Edges are let in by their own login, to their own topics and addresses; they have none of these rights.",
        "",
    ]
    return "\n".join(lines)


def wire_modules() -> list[ModuleType]:
    """The modules of core.wire in order of their names."""
    names = sorted(info.name for info in pkgutil.iter_modules(core.wire.__path__))
    return [importlib.import_module(f"core.wire.{name}") for name in names]


def models_of(module: ModuleType) -> Iterator[type[BaseModel]]:
    """The models defined in `module`, in the order of the source."""
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, BaseModel) and value.__module__ == module.__name__:
            yield value


def wire_page() -> str:
    """docs/wire.md"""
    lines = [
        MADE,
        "# Wire contract\n",
        "Nothing else crosses a process. Each model below is one message or a part of one; the files in",
        "[wire/](wire/) are JSON Schemas of the same. Every envelope carries a version `v`: adding an optional",
        "field is free, renaming one is a new version, and the hub takes `v` and `v - 1`. Times are RFC 3339 in UTC,",
        "money is in integer minor units.\n",
    ]
    for module in wire_modules():
        name = module.__name__.rpartition(".")[2]
        models = list(models_of(module))
        lines.append(f"## {name}\n")
        lines.append((module.__doc__ or "").strip() + "\n")
        if not models:
            continue
        lines.append(f"Schema: [wire/{name}.schema.json](wire/{name}.schema.json)\n")
        for model in models:
            lines.append(f"### {model.__name__}\n")
            if model.__doc__ and model.__doc__ != BaseModel.__doc__:
                lines.append(" ".join(model.__doc__.split()) + "\n")
            if not model.model_fields:
                continue
            lines.append("| Field | Type | Default | Meaning |")
            lines.append("|---|---|---|---|")
            schema = model.model_json_schema()
            for field, about in schema.get("properties", {}).items():
                required = field in schema.get("required", ())
                default = "(required)" if required else f"`{json.dumps(about.get('default'))}`"
                if "default" not in about and not required:
                    default = ""
                kind = _kind(about).replace("|", "\\|")
                lines.append(f"| `{field}` | {kind} | {default} | {about.get('description', '')} |")
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _kind(about: dict[str, Any]) -> str:
    """A short name for a JSON Schema type."""
    if "$ref" in about:
        return str(about["$ref"]).rpartition("/")[2]
    if "const" in about:
        return json.dumps(about["const"])
    if "enum" in about:
        return " | ".join(json.dumps(option, ensure_ascii=False) for option in about["enum"])
    for union in ("anyOf", "oneOf"):
        if union in about:
            return " | ".join(_kind(option) for option in about[union])
    if about.get("type") == "array":
        return f"list of {_kind(about['items'])}" if "items" in about else "list"
    return str(about.get("format") or about.get("type") or "any")


def schema_of(module: ModuleType) -> str | None:
    """The JSON Schemas of all models of one wire module in one document; None when it has no models."""
    models = list(models_of(module))
    if not models:
        return None
    _map, schema = models_json_schema(
        [(model, "validation") for model in models], title=module.__name__, ref_template="#/$defs/{model}"
    )
    return (
        json.dumps(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema},
            indent=1,
            ensure_ascii=False,
            sort_keys=True,
        )
        + "\n"
    )


def documents() -> dict[Path, str]:
    """Path below docs/ → text, of every generated document."""
    made = {
        Path("settings.md"): settings_page(),
        Path("rights.md"): rights_page(),
        Path("wire.md"): wire_page(),
    }
    if sys.platform == "linux" and sys.version_info[:2] == (3, 11):  # other systems install other libraries
        made[Path("third-party.md")] = licences.page(MADE)
    for module in wire_modules():
        schema = schema_of(module)
        if schema is not None:
            made[Path("wire") / f"{module.__name__.rpartition('.')[2]}.schema.json"] = schema
    return made


def out_of_step(folder: Path = ROOT / "docs") -> list[str]:
    """Generated documents below `folder` that are missing, old, or no longer made."""
    made = documents()
    found = [str(path) for path, text in made.items() if _read(folder / path) != text]
    return found + [
        str(path.relative_to(folder))
        for path in folder.glob("wire/*.schema.json")
        if path.relative_to(folder) not in made
    ]


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def main(argv: list[str] | None = None) -> int:
    """`./dev docs [--check]`; 1 when a document is out of step."""
    args = sys.argv[1:] if argv is None else argv
    if "--check" in args:
        late = out_of_step()
        for name in late:
            print(f"docs/{name} is out of step with the code: run ./dev docs")
        return 1 if late else 0
    for path, text in documents().items():
        target = ROOT / "docs" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if _read(target) != text:
            target.write_text(text, encoding="utf-8")
            print(f"docs/{path} written")
    for stale in (ROOT / "docs").glob("wire/*.schema.json"):
        if stale.relative_to(ROOT / "docs") not in documents():
            stale.unlink()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
