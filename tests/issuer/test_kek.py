"""Where the key-encryption key comes from, and what a careful operator is told when it does not."""

import base64
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware.issuer.database import DatabaseProblem
from rf_middleware.issuer.kek import VARIABLE, key_file, open_vault, read_keys
from rf_middleware.issuer.vault import Vault

KEK = bytes(range(200, 232))
OTHER = bytes(range(32, 64))
LOST = Vault(OTHER).kek_id
UNTIL_THEN = "; until then new keys are shown only once and old ones not again; everything else works"

keks = st.binary(min_size=32, max_size=32)


def written(kek: bytes) -> list[str]:
    """Return a key in every form that is read."""
    plain, safe = base64.b64encode(kek).decode(), base64.urlsafe_b64encode(kek).decode()
    return [plain, safe, plain.rstrip("="), safe.rstrip("="), kek.hex(), kek.hex().upper()]


class Told:
    """Opens the vault of one database and collects what is said about it."""

    def __init__(self, database: Path) -> None:
        self.database, self.lines = database, list[str]()

    def opened(self, sealed: dict[str, int] | None = None, variable: str | None = None) -> Vault | None:
        """Open the vault; what was said before is forgotten."""
        self.lines.clear()
        environ = {} if variable is None else {VARIABLE: variable}
        return open_vault(self.database, environ, sealed or {}, self.lines.append)

    def vault(self, sealed: dict[str, int] | None = None, variable: str | None = None) -> Vault:
        """Open the vault, which must open."""
        vault = self.opened(sealed, variable)
        assert vault is not None
        return vault


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """A folder with no key in it."""
    return Told(tmp_path / "issuer.db")


@given(st.lists(keks, min_size=1, max_size=3), st.data())
def test_keys_are_read_in_each_form(given_keys: list[bytes], data: st.DataObject) -> None:
    """Base64, its form for URLs, with and without padding, and hexadecimal digits are all the same keys."""
    words = [data.draw(st.sampled_from(written(kek))) for kek in given_keys]
    assert read_keys(data.draw(st.sampled_from([" ", "\n", " \r\n"])).join(words) + "\n") == given_keys


@given(st.text(max_size=100) | st.text("0123456789abcdefABCDEF=+/_- ", max_size=140))
def test_any_other_text_is_no_key(text: str) -> None:
    """No text makes the reader fail; what it returns are keys of the right length."""
    assert all(len(kek) == 32 for kek in read_keys(text))


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        " ",
        "canary",
        KEK.hex()[:-1],
        KEK.hex() + "0",
        base64.b64encode(KEK[:31]).decode(),
        base64.b64encode(KEK + b"x").decode(),
        base64.b64encode(KEK).decode()[:-2],
        base64.b64encode(KEK).decode() + "=",
        base64.b64encode(KEK).decode() + " canary",
        "x" * 32,
        "ä" * 43,
        "0x" + KEK.hex(),
    ],
)
def test_a_wrong_variable_is_refused_and_not_repeated(told: Told, wrong: str) -> None:
    """One line names the variable and what is allowed; no key is made or looked for elsewhere."""
    with pytest.raises(DatabaseProblem) as refused:
        told.opened({}, wrong)
    assert str(refused.value) == (
        "RF_KEY_ENCRYPTION_KEY is not 32 random bytes as base64 or as 64 hexadecimal digits"
        " (openssl rand -base64 32 makes some)"
    )
    assert list(told.database.parent.iterdir()) == []


def test_the_variable_wins_and_makes_no_file(told: Told) -> None:
    """With the key in the environment nothing is written, and a file that is there is not read."""
    assert told.vault({}, KEK.hex()).kek_id == Vault(KEK).kek_id
    assert not key_file(told.database).exists()
    key_file(told.database).write_text(OTHER.hex())
    assert told.vault({LOST: 1}, KEK.hex()).kek_id == Vault(KEK).kek_id
    assert [line.split(":")[0] for line in told.lines] == [f"the key-encryption key {LOST} is missing"]


def test_without_a_file_only_the_variable_counts() -> None:
    """A database elsewhere has no folder for a key, so it must be given."""
    lines: list[str] = []
    with pytest.raises(DatabaseProblem, match=r"^RF_KEY_ENCRYPTION_KEY is not set; it holds the key-encryption key, "):
        open_vault(None, {}, {}, lines.append)
    vault = open_vault(None, {VARIABLE: KEK.hex()}, {}, lines.append)
    assert vault is not None
    assert vault.kek_id == Vault(KEK).kek_id
    assert lines == []


def test_a_key_is_made_once_for_its_owner_alone(told: Told) -> None:
    """The first start makes the file, the second reads it; nothing else is left in the folder."""
    first, second = told.vault(), told.vault()
    assert second.open("key", *first.seal("key", "secret")) == "secret"
    file = key_file(told.database)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(read_keys(file.read_text())) == 1
    assert told.lines == []
    assert list(told.database.parent.iterdir()) == [file]


def test_the_file_is_beside_the_real_database(told: Told) -> None:
    """A symbolic link to the database has the same key."""
    real = told.database.with_name("real.db")
    real.touch()
    told.database.symlink_to(real)
    assert key_file(told.database) == real.with_name("real.db.key")
    assert told.opened() is not None
    assert real.with_name("real.db.key").exists()


def test_two_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    """Whoever is second takes the key of the first."""
    for attempt in range(20):
        barrier = Barrier(4)

        def opened(told: Told, barrier: Barrier = barrier) -> str:
            barrier.wait()
            return told.vault().kek_id

        tolds = [Told(tmp_path / str(attempt)) for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            assert len(set(pool.map(opened, tolds))) == 1
    assert len(list(tmp_path.iterdir())) == 20


def test_a_lost_key_is_said_and_a_new_one_goes_on(told: Told) -> None:
    """Old secrets can't be shown, which is said at each start; new ones are sealed with a new key."""
    for _ in range(2):
        vault = told.vault({LOST: 3, "0" * 12: 1, "1" * 12: 0})
        assert vault.open("key", *vault.seal("key", "new")) == "new"
        found = f"everything else works (if it is found, add it at the end of {key_file(told.database)})"
        assert told.lines == [
            f"the key-encryption key 000000000000 is missing: 1 key can't be shown again; {found}",
            f"the key-encryption key {LOST} is missing: 3 keys can't be shown again; {found}",
        ]
    told.vault({LOST: 3, told.vault().kek_id: 1})
    assert len(told.lines) == 1


def test_a_key_that_is_found_again_is_put_back_below_the_new_one(told: Told) -> None:
    """What it sealed opens then, and so does what was sealed meanwhile."""
    old = Vault(OTHER).seal("old", "old secret")
    meanwhile = told.vault({LOST: 1})
    new = meanwhile.seal("new", "new secret")
    with key_file(told.database).open("a") as file:
        file.write(OTHER.hex())
    vault = told.vault({LOST: 1, new[0]: 1})
    assert told.lines == []
    assert (vault.open("old", *old), vault.open("new", *new)) == ("old secret", "new secret")
    assert vault.kek_id == meanwhile.kek_id


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610, 0o644, 0o666])
def test_a_file_that_is_open_to_others_is_not_used(told: Told, mode: int) -> None:
    """What to do is said, the file stays as it is, and after that it is used."""
    file = key_file(told.database)
    file.write_text(KEK.hex())
    file.chmod(mode)
    assert told.opened() is None
    assert told.lines == [f"{file} is open to others than its owner, so it is not used (chmod 600 {file}){UNTIL_THEN}"]
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == (KEK.hex(), mode)
    file.chmod(0o600)
    assert told.vault().kek_id == Vault(KEK).kek_id


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"canary", KEK, KEK.hex().encode()[:-1], KEK.hex().encode() + b"\ncanary", b"\xff" * 43]
)
def test_a_damaged_file_is_said_and_kept(told: Told, content: bytes) -> None:
    """It may be all that is left of a key, so nothing of it is changed, and nothing of it is repeated."""
    file = key_file(told.database)
    file.write_bytes(content)
    file.chmod(0o600)
    assert told.opened({LOST: 2}) is None
    what = "is damaged (it should be 32 random bytes as base64 or as 64 hexadecimal digits)"
    do = "put it back from a copy, or move it away to have a new one made"
    assert told.lines == [f"{file} {what}; {do}{UNTIL_THEN}"]
    assert file.read_bytes() == content


def a_folder(file: Path) -> None:
    """Put a folder where the file should be."""
    file.mkdir()


def a_pipe(file: Path) -> None:
    """Put a pipe there, that nobody writes to."""
    os.mkfifo(file, 0o600)


def a_dangling_link(file: Path) -> None:
    """Put a link there that leads nowhere, like one to a disk that is not mounted."""
    file.symlink_to(file.parent / "absent" / "key")


@pytest.mark.parametrize(
    ("put", "why"),
    [
        (a_folder, "can't be used: Is a directory"),
        (a_pipe, "is not a file"),
        (a_dangling_link, "can't be used: No such file or directory"),
    ],
)
def test_what_is_no_file_is_said_and_kept(told: Told, put: Callable[[Path], None], why: str) -> None:
    """Nothing is made in the place of something that somebody put there."""
    file = key_file(told.database)
    put(file)
    assert told.opened() is None
    assert [line.split(";")[0] for line in told.lines] == [f"{file} {why}"]
    assert list(told.database.parent.iterdir()) == [file]


def test_a_file_that_can_not_be_made_is_said(tmp_path: Path) -> None:
    """Without a place for the key no secret is kept, and that is all."""
    told = Told(tmp_path / "absent" / "issuer.db")
    assert told.opened({}) is None
    assert [line.split(";")[0] for line in told.lines] == [
        f"{key_file(told.database)} can't be used: No such file or directory"
    ]
