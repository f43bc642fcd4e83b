"""Reads the wire schema: a documented subset of SBE 1.0 (fixed-length blocks, little-endian, enums, no groups, no
variable data). Anything outside the subset is refused with the place."""
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field

SBE = "{http://fixprotocol.io/2016/sbe}"
SIZES = {"uint8": 1, "uint16": 2, "uint32": 4, "uint64": 8, "int8": 1, "int16": 2, "int32": 4, "int64": 8}


def snake(name):
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


@dataclass
class Enum:
    name: str
    encoding: str
    description: str
    values: list  # (name, value, description)


@dataclass
class Field:
    name: str
    type: str        # as written: a primitive or an enum's name
    primitive: str
    offset: int
    size: int
    description: str

    @property
    def reserved(self):
        return self.name.startswith("reserved")


@dataclass
class Message:
    name: str
    id: int
    description: str
    fields: list = field(default_factory=list)
    block: int = 0


@dataclass
class Schema:
    id: int
    version: int
    description: str
    enums: dict
    messages: list


def load(path):
    root = ElementTree.parse(path).getroot()
    if root.tag != SBE + "messageSchema" or root.get("byteOrder", "littleEndian") != "littleEndian":
        raise SystemExit(f"{path}: not a little-endian sbe:messageSchema")
    enums = {}
    for e in root.find("types").findall("enum"):
        values = [(v.get("name"), int(v.text), v.get("description", "")) for v in e.findall("validValue")]
        numbers = [v[1] for v in values]
        if len(set(numbers)) != len(numbers):
            raise SystemExit(f"{path}: enum {e.get('name')}: a value stands twice")
        enums[e.get("name")] = Enum(e.get("name"), e.get("encodingType"), e.get("description", ""), values)
    messages = []
    for m in root.findall(SBE + "message"):
        message = Message(m.get("name"), int(m.get("id")), m.get("description", ""))
        for child in m:
            if child.tag != "field":
                raise SystemExit(f"{path}: message {message.name}: <{child.tag}> is outside the subset")
            type_name = child.get("type")
            primitive = enums[type_name].encoding if type_name in enums else type_name
            if primitive not in SIZES:
                raise SystemExit(f"{path}: {message.name}.{child.get('name')}: unknown type {type_name}")
            size = SIZES[primitive]
            if message.block % size != 0:
                raise SystemExit(f"{path}: {message.name}.{child.get('name')}: not aligned to {size}; reorder or reserve")
            message.fields.append(Field(child.get("name"), type_name, primitive, message.block, size,
                                        child.get("description", "")))
            message.block += size
        if message.block % 8 != 0:
            raise SystemExit(f"{path}: message {message.name}: block of {message.block} bytes is not a multiple of 8")
        messages.append(message)
    ids = [m.id for m in messages]
    if len(set(ids)) != len(ids):
        raise SystemExit(f"{path}: a template id stands twice")
    return Schema(int(root.get("id")), int(root.get("version")), root.get("description", ""), enums, messages)
