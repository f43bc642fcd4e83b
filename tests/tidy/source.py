"""Reading C files for the rules: what is left when comments and strings are blanked."""
import re

_TOKENS = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL)


def _blank(text):
    return "".join(c if c == "\n" else " " for c in text)


def code_of(text):
    """The text with comments and string contents blanked, same length and lines. Include lines keep their names."""
    def replace(match):
        found = match.group(0)
        line_start = text.rfind("\n", 0, match.start()) + 1
        if found[0] == '"' and re.match(r"\s*#\s*include\s", text[line_start:match.start()]):
            return found
        if found[0] in "\"'":
            return found[0] + _blank(found[1:-1]) + found[-1]
        return _blank(found)
    return _TOKENS.sub(replace, text)


def includes_of(text):
    """[(line number, name, is_system)]."""
    found = []
    for number, line in enumerate(code_of(text).split("\n"), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match:
            found.append((number, match.group(2), match.group(1) == "<"))
    return found


def calls_of(text):
    """[(line number, name)] of everything that looks like a call or a definition: name, then an open bracket."""
    found = []
    for number, line in enumerate(code_of(text).split("\n"), 1):
        if re.match(r"\s*#\s*include", line):
            continue
        for match in re.finditer(r"(?<![\w.>])([A-Za-z_]\w*)\s*\(", line):
            found.append((number, match.group(1)))
    return found


def functions_of(text):
    """[(first line, last line, name)]: a body opens with a brace at the start of a line, as the format has it."""
    lines = code_of(text).split("\n")
    found = []
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{" and start is None:
            start = number
            name = ""
            for back in range(number - 2, max(-1, number - 12), -1):
                match = re.match(r"(?:[A-Za-z_][\w \*]*?[ \*])?([A-Za-z_]\w*)\s*\(", lines[back])
                if match:
                    name = match.group(1)
                    break
        elif line == "}" and start is not None:
            found.append((start, number, name))
            start = None
    return found
