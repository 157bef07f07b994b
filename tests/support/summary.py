#!/usr/bin/python3
"""Sums up the JUnit files of one ./dev test: each stage, each failure, and as last line "N passed, N failed"."""

import pathlib
import sys
import xml.etree.ElementTree as ElementTree


class Stage:
    def __init__(self, name, seconds, code):
        self.name, self.seconds, self.code = name, seconds, code
        self.passed, self.failed, self.skipped = [], [], []

    def read(self, path):
        for case in ElementTree.parse(path).iter("testcase"):
            name = f"{self.name}: {case.get('name')}"
            if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
                self.failed.append(name)
            elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
                self.skipped.append(name)
            else:
                self.passed.append(name)


def main(directory):
    directory = pathlib.Path(directory)
    stages = []
    for line in (directory / "stages").read_text().splitlines():
        name, seconds, code = line.split("\t")
        stage = Stage(name, int(seconds), int(code))
        path = directory / f"{name}.xml"
        if path.exists():
            stage.read(path)
        if stage.code != 0 and not stage.failed:
            stage.failed.append(f"{name}: ended with exit code {stage.code} and no failed test")
        stages.append(stage)

    print()
    for stage in stages:
        print(f"{stage.name:<12}{len(stage.passed):>6} passed{len(stage.failed):>5} failed{len(stage.skipped):>5} skipped"
              f"{stage.seconds:>6} s")
    for title, names in (("skipped", [n for s in stages for n in s.skipped]), ("FAILED", [n for s in stages for n in s.failed])):
        for name in names[:40]:
            print(f"{title}  {name}")
        if len(names) > 40:
            print(f"{title}  … {len(names) - 40} more")
    passed, failed = sum(len(s.passed) for s in stages), sum(len(s.failed) for s in stages)
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
