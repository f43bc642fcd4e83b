"""Emits docs/wire.md: the hand-written chapters of wire.md.in, with the tables at their marks."""
from schema import RANGES, RESERVED, direction

DIRECTIONS = {"oracle": "to the box, from oracles", "inbound": "to the box", "outbound": "from the box"}


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join("---" for _ in head) + "|"]
    return lines + ["| " + " | ".join(str(c).replace("|", "\\|") for c in row) + " |" for row in rows]


def ranges(schema):
    rows = []
    for name, first, last in RANGES:
        used = [m for m in schema.messages if direction(m.id) == name]
        rows.append((f"{first} to {last}", DIRECTIONS[name], f"{used[0].id} to {used[-1].id}" if used else "none"))
    rows.append((f"{RESERVED[0]} to {RESERVED[1]}", "reserved", "none"))
    return table(("template ids", "direction", "in use"), rows)


def index(schema):
    return table(("id", "message", "bytes", "direction"),
                 [(m.id, f"[{m.name}](#{m.name.lower()})", 8 + m.block, DIRECTIONS[direction(m.id)])
                  for m in schema.messages])


def messages(schema):
    out = []
    for m in schema.messages:
        out += [f"### {m.name}", ""]
        if m.description:
            out += [f"{m.description}.", ""]
        out += [f"Template {m.id}, {8 + m.block} bytes, {DIRECTIONS[direction(m.id)]}.", ""]
        rows = []
        for f in m.fields:
            note = "must be 0" if f.reserved else f.description
            kind = f"{f.primitive} ([{f.type}](#{f.type.lower()}))" if f.type in schema.enums else f.primitive
            rows.append((8 + f.offset, f.size, f"`{f.name}`", kind, note))
        out += table(("offset", "bytes", "field", "type", ""), rows) + [""]
    return out[:-1]


def enums(schema):
    out = []
    for e in schema.enums.values():
        out += [f"### {e.name}", ""]
        if e.description:
            out += [f"{e.description}.", ""]
        out += table(("value", "name", ""), [(value, name, note) for name, value, note in e.values]) + [""]
    return out[:-1]


def emit(schema, template):
    marks = {"{{ranges}}": ranges, "{{index}}": index, "{{messages}}": messages, "{{enums}}": enums}
    out = []
    for line in template.splitlines():
        out += marks.pop(line)(schema) if line in marks else [line]
    if marks:
        raise SystemExit(f"wire.md.in: no mark {', '.join(marks)}")
    text = "\n".join(out) + "\n"
    return text.replace("{{schema_id}}", str(schema.id)).replace("{{schema_version}}", str(schema.version))
