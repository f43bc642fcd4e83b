"""Reads the wire schema: a documented subset of SBE 1.0 (fixed-length blocks, little-endian, enums, no groups, no
variable data). Anything outside the subset, and anything that is no legal SBE, is refused with the place, so that
other generators can be run on the same file."""
import keyword
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field

SBE = "{http://fixprotocol.io/2016/sbe}"
SIZES = {"uint8": 1, "uint16": 2, "uint32": 4, "uint64": 8, "int8": 1, "int16": 2, "int32": 4, "int64": 8}
# Template ids by direction; what lies in no range or in RESERVED is refused.
RANGES = (("oracle", 1, 15), ("inbound", 16, 63), ("outbound", 64, 127))
RESERVED = (128, 255)
HEADER = (("blockLength", "uint16"), ("templateId", "uint16"), ("schemaId", "uint16"), ("version", "uint16"))
ATTRIBUTES = {
    "messageSchema": {"package", "id", "version", "semanticVersion", "byteOrder", "description"},
    "composite": {"name", "description"}, "type": {"name", "primitiveType", "description"},
    "enum": {"name", "encodingType", "description"}, "validValue": {"name", "description"},
    "message": {"name", "id", "description"}, "field": {"name", "id", "type", "description"},
}


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


def direction(template_id):
    return next((name for name, first, last in RANGES if first <= template_id <= last), None)


class Place:
    """Refuses with the file and the place."""

    def __init__(self, path):
        self.path = path

    def need(self, condition, where, what):
        if not condition:
            raise SystemExit(f"{self.path}: {where}: {what}")

    def attributes(self, element, where):
        tag = element.tag.replace(SBE, "")
        self.need(tag in ATTRIBUTES, where, f"<{tag}> is outside the subset")
        unknown = set(element.attrib) - ATTRIBUTES[tag]
        self.need(not unknown, where, f"attribute {', '.join(sorted(unknown))} is outside the subset")

    def name(self, element, where, seen):
        self.attributes(element, where)
        name = element.get("name", "")
        self.need(re.fullmatch("[A-Za-z_][A-Za-z0-9_]{0,63}", name), where, f"'{name}' is no legal SBE name")
        self.need(name not in seen, where, f"the name {name} stands twice")
        seen.add(name)
        return name

    def number(self, text, first, last, where):
        self.need(text is not None and re.fullmatch("[0-9]+", text.strip()), where, f"'{text}' is no number")
        value = int(text)
        self.need(first <= value <= last, where, f"{value} is not {first} to {last}")
        return value


def load_enum(place, element, seen):
    name = place.name(element, "types", seen)
    where, encoding = f"enum {name}", element.get("encodingType")
    place.need(encoding in ("uint8", "uint16"), where, f"encoding {encoding} is not uint8 or uint16")
    null = 2 ** (8 * SIZES[encoding]) - 1  # SBE's null value of the encoding stands for no value at all
    values, names = [], set()
    for v in element:
        value_name = place.name(v, where, names)
        place.need(v.tag == "validValue", where, f"<{v.tag}> is outside the subset")
        values.append((value_name, place.number(v.text, 0, null - 1, f"{where}.{value_name}"), v.get("description", "")))
    numbers = [v[1] for v in values]
    place.need(values and len(set(numbers)) == len(numbers), where, "no value, or a value stands twice")
    return Enum(name, encoding, element.get("description", ""), values)


def load_field(place, element, message, enums, names, last_id):
    name = place.name(element, f"message {message.name}", names)
    where = f"message {message.name}.{name}"
    place.need(element.tag == "field" and len(element) == 0, where, f"<{element.tag}> is outside the subset")
    place.need(not keyword.iskeyword(name) and name == snake(name), where, "not a snake_case word that Python can use")
    field_id = place.number(element.get("id"), 1, 65535, where)
    place.need(field_id > last_id, where, f"field id {field_id} does not rise")
    type_name = element.get("type")
    primitive = enums[type_name].encoding if type_name in enums else type_name
    place.need(primitive in SIZES, where, f"unknown type {type_name}")
    size = SIZES[primitive]
    place.need(message.block % size == 0, where, f"not aligned to {size}; reorder or reserve")
    message.fields.append(Field(name, type_name, primitive, message.block, size, element.get("description", "")))
    message.block += size
    return field_id


def load_message(place, element, enums, seen):
    name = place.name(element, "schema", seen)
    template_id = place.number(element.get("id"), 1, 65535, f"message {name}")
    place.need(direction(template_id), f"message {name}", f"template id {template_id} lies in no range that is open")
    message, names, last_id = Message(name, template_id, element.get("description", "")), set(), 0
    for child in element:
        last_id = load_field(place, child, message, enums, names, last_id)
    place.need(message.block > 0 and message.block % 8 == 0, f"message {name}",
               f"block of {message.block} bytes is not a positive multiple of 8")
    return message


def load(path):
    place = Place(path)
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise SystemExit(f"{path}: {error}") from None
    place.need(root.tag == SBE + "messageSchema", "root", "not an sbe:messageSchema")
    place.attributes(root, "schema")
    place.need(root.get("byteOrder", "littleEndian") == "littleEndian", "schema", "not little-endian")
    place.need(root.get("package"), "schema", "no package")
    schema_id = place.number(root.get("id"), 1, 65534, "schema id")
    version = place.number(root.get("version"), 0, 65534, "schema version")
    enums, messages, type_names, message_names, header = {}, [], set(), set(), None
    for child in root:
        if child.tag == SBE + "message":
            messages.append(load_message(place, child, enums, message_names))
            continue
        place.need(child.tag == "types" and not messages, "schema", f"<{child.tag}> is outside the subset or out of place")
        for t in child:
            if t.tag == "composite":
                place.need(place.name(t, "types", type_names) == "messageHeader", "types", "a composite but the header")
                header = tuple((m.get("name"), m.get("primitiveType")) for m in t)
            else:
                place.need(t.tag == "enum", "types", f"<{t.tag}> is outside the subset")
                enum = load_enum(place, t, type_names)
                enums[enum.name] = enum
    place.need(header == HEADER, "messageHeader", "not the 8-byte header in common use")
    ids = [m.id for m in messages]
    place.need(messages and len(set(ids)) == len(ids), "schema", "no message, or a template id stands twice")
    place.need(ids == sorted(ids), "schema", "messages are not in the order of their ids")
    return Schema(schema_id, version, root.get("description", ""), enums, messages)
