"""Says what a report of a bug needs, and recognises the known breakages of an environment.

With a config it also says whether the data, weights and word vectors that it names exist. The exit
code is 1 where something is broken or missing.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from mmsrdl.cli import load_command
from mmsrdl.cli.parser import make_parser as make_common_parser
from mmsrdl.doctor import Finding, describe_environment, find_breakages

EXAMPLES = """\
  mmsrdl doctor
  mmsrdl doctor my_config.py --data-root data/photos
  mmsrdl doctor --json > environment.json
"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the command's parser."""
    parser = make_common_parser(prog, __doc__, EXAMPLES)
    parser.add_argument("config", nargs="?", help="config file, or the name of a model")
    parser.add_argument("--data-root", metavar="DIR", help="folder of the config's data sets")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def run(args: argparse.Namespace) -> int:
    """Examines, and returns 1 if something is broken or missing."""
    facts = describe_environment()
    findings = find_breakages(facts)
    if args.config is not None:
        if _broken(findings):
            findings.append(Finding("note", f"{args.config!r} was not looked at: mend these first"))
        else:
            findings += _examine_config(args, facts)
    if args.json:
        content = {**facts, "findings": [asdict(finding) for finding in findings]}
        print(json.dumps(content, indent=2, ensure_ascii=False))
    else:
        print("\n".join([*_sections(facts), *_verdict(findings)]))
    return 1 if _broken(findings) else 0


def _broken(findings: list[Finding]) -> bool:
    return any(finding.level == "breakage" for finding in findings)


def _examine_config(args: argparse.Namespace, facts: dict[str, Any]) -> list[Finding]:
    """Adds the files of the config to the facts, and returns what is missing."""
    from mmsrdl._stack import register_config_scope

    register_config_scope()
    load_command("mmsrdl.apis.config")  # keeps what MMPretrain says on import out of the answer
    from mmsrdl.apis.config import load_config
    from mmsrdl.doctor.config_files import check_files, config_files

    files = config_files(load_config(args.config, data_root=args.data_root))
    facts["config"] = {file.path: f"{file.state} ({file.place})" for file in files}
    return check_files(files)


def _sections(facts: dict[str, Any]) -> Iterator[str]:
    """Yields the lines of the facts; of the imports, the verdict tells what matters."""
    for title, section in facts.items():
        if title != "imports" and section:
            yield title
            width = max(map(len, section))
            for name, value in section.items():
                text = ", ".join(value) if isinstance(value, list) else value
                yield f"  {name:{width}}  {text}"


def _verdict(findings: list[Finding]) -> Iterator[str]:
    """Yields the lines of what was found, the notes first: what is read is the end."""
    for finding in sorted(findings, key=lambda finding: finding.level, reverse=True):
        yield f"{finding.level}: {finding.what}"
        yield from (f"    {line.strip()}" for line in finding.mend.splitlines())
    if not _broken(findings):
        yield "nothing is known to be broken"
