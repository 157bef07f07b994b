"""`cmake --install --prefix`: everything below the prefix, and the program runs from there."""

from .conftest import run


def test_files(prefix):
    for path in ("bin/walbridge", "lib/systemd/system/walbridge@.service", "share/man/man1/walbridge.1",
                 "share/bash-completion/completions/walbridge", "share/zsh/site-functions/_walbridge",
                 "share/fish/vendor_completions.d/walbridge.fish", "share/doc/walbridge/README.md", "share/doc/walbridge/docs/deploy.md",
                 "share/doc/walbridge/docs/walbridge.schema.json", "share/doc/walbridge/docs/examples/service.yaml",
                 "share/doc/walbridge/docs/examples/minimal.yaml"):
        assert (prefix / path).is_file(), path


def test_no_empty_folder_and_nothing_outside(prefix):
    assert not [path for path in prefix.rglob("*") if path.is_dir() and not any(path.iterdir())]
    assert {path.name for path in prefix.iterdir()} == {"bin", "lib", "share"}


def test_the_program_runs(prefix):
    assert run(prefix / "bin/walbridge", "--version").stdout.startswith("walbridge ")
