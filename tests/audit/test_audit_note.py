"""Signed notes, checkpoints and cosignatures as the C2SP documents write them."""

from __future__ import annotations

import base64

import pytest

from audit.checkpoint import Checkpoint, cosign, cosignatures, open_checkpoint, sign_checkpoint
from audit.errors import NoteError, SignatureInvalid, UnknownKey
from audit.merkle import EMPTY_ROOT
from audit.note import Algorithm, Signer, Verifier, open_note, parse_note, sign_note

# The example of audit.md §3.
KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
TEXT = "This is an example message.\n"
LINE = (
    "\u2014 example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
# The example of Go's golang.org/x/mod/sumdb/note.
GO_SIGNER = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
GO_LINE = (
    "\u2014 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ORIGIN = "accessctl/daknong/2026"


def test_the_published_note_opens_with_the_published_key() -> None:
    note, signed_by = open_note(TEXT + "\n" + LINE, [Verifier.from_text(KEY)])
    assert (note.text, signed_by) == (TEXT, (Verifier.from_text(KEY),))
    assert Verifier.from_text(KEY).text == KEY


def test_the_go_example_is_signed_byte_for_byte_the_same() -> None:
    signer = Signer.from_text(GO_SIGNER)
    assert (signer.to_text(), signer.verifier_key) == (GO_SIGNER, GO_KEY)
    assert sign_note(GO_TEXT, [signer]) == GO_TEXT + "\n" + GO_LINE


def test_a_secret_key_is_not_shown_by_accident() -> None:
    signer = Signer.from_text(GO_SIGNER)
    assert "AYEKFALV" not in repr(signer)
    assert GO_SIGNER not in str(signer)


def test_a_new_key_survives_its_text_form() -> None:
    signer = Signer.generate(ORIGIN)
    note = sign_note(TEXT, [Signer.from_text(signer.to_text())])
    assert open_note(note, [Verifier.from_text(signer.verifier_key)])[0].text == TEXT


@pytest.mark.parametrize(
    "note",
    [
        "",
        TEXT,
        TEXT + LINE,
        TEXT + "\n",
        TEXT + "\n" + LINE[:-1],
        TEXT + "\n" + LINE + "\n",
        TEXT + "\n" + LINE.replace("\u2014", "-"),
        TEXT + "\n" + LINE.replace("\u2014 ", "\u2014"),
        TEXT + "\n" + LINE.replace("example.com/foo", "example.com/f+oo"),
        TEXT + "\n" + LINE.replace("example.com/foo", "example.com/f\u00a0oo"),
        TEXT + "\n" + LINE.replace("aQM=", "aQN="),
        TEXT + "\n" + LINE.replace("aQM=", "aQM"),
        TEXT + "\n" + LINE.replace("aQM=", "aQM= "),
        TEXT + "\n\u2014 example.com/foo Uw2QOg==\n",
        TEXT.replace(" ", "\t") + "\n" + LINE,
        TEXT.replace("\n", "\r\n") + "\n" + LINE,
        TEXT + "\n" + LINE * 101,
        "\ud800\n\n" + LINE,
    ],
)
def test_a_note_in_any_other_shape_is_refused(note: str) -> None:
    with pytest.raises(NoteError):
        parse_note(note)


def test_a_changed_text_is_refused_even_when_another_key_signed_it_well() -> None:
    other = Signer.generate("example.com/other")
    forged = "This is another message.\n"
    note = sign_note(forged, [other]) + LINE
    with pytest.raises(SignatureInvalid):
        open_note(note, [other.verifier, Verifier.from_text(KEY)])


def test_unknown_signatures_pass_by_but_one_known_key_must_have_signed() -> None:
    other = Signer.generate("example.com/other")
    note = TEXT + "\n" + LINE + str(other.sign(TEXT)) + "\n"
    assert open_note(note, [Verifier.from_text(KEY)])[1] == (Verifier.from_text(KEY),)
    with pytest.raises(UnknownKey):
        open_note(note, [Signer.generate("example.com/foo").verifier])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com/foo",
        KEY.replace("530d903a", "530d903b"),
        KEY.replace("530d903a", "530D903A"),
        KEY + "=",
        KEY.replace("+Aek", "+Bek"),
        KEY.replace("example.com/foo", ""),
        KEY.replace("com/foo", "com/ foo"),
        KEY[:-4],
    ],
)
def test_a_key_that_does_not_fit_its_id_or_its_form_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        Verifier.from_text(text)
    with pytest.raises(NoteError):
        Signer.from_text(text)


def test_a_checkpoint_is_signed_and_opened() -> None:
    signer = Signer.generate(ORIGIN)
    note = sign_checkpoint(signer, ORIGIN, 3, bytes(range(32)))
    assert note.startswith(f"{ORIGIN}\n3\n{base64.b64encode(bytes(range(32))).decode()}\n\n\u2014 {ORIGIN} ")
    assert open_checkpoint(note, [signer.verifier]) == Checkpoint(ORIGIN, 3, bytes(range(32)))


def test_the_c2sp_example_checkpoint_is_read_with_its_cosigner() -> None:
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    head = Checkpoint.from_text(text)
    assert (head.origin, head.size, head.text) == ("example.com/behind-the-sofa", 20852163, text)


@pytest.mark.parametrize(
    "text",
    [
        "o\n1\n",
        "o\n01\n{}\n",
        "o\n-1\n{}\n",
        "o\n+1\n{}\n",
        "o\n1_0\n{}\n",
        "o\n\u0661\n{}\n",
        "\n1\n{}\n",
        "o\n1\nAAAA\n",
        "o\n1\n{}\n\n",
        "o\n1\n{}\nx\n\ny\n",
        "o\n99999999999999999999\n{}\n",
        "o\n1\n {}\n",
    ],
)
def test_a_checkpoint_in_any_other_shape_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        Checkpoint.from_text(text.format(base64.b64encode(EMPTY_ROOT).decode()))


def test_extension_lines_are_kept_and_signed() -> None:
    head = Checkpoint(ORIGIN, 1, EMPTY_ROOT, ("moved from accessctl/daknong/2025",))
    assert Checkpoint.from_text(head.text) == head


def test_a_key_signs_only_for_the_log_it_is_named_after() -> None:
    signer = Signer.generate(ORIGIN)
    with pytest.raises(NoteError):
        sign_checkpoint(signer, "accessctl/daknong/2027", 1, EMPTY_ROOT)
    foreign = sign_note(Checkpoint("accessctl/daknong/2027", 1, EMPTY_ROOT).text, [signer])
    with pytest.raises(UnknownKey):
        open_checkpoint(foreign, [signer.verifier])
    renewed = signer.renamed("accessctl/daknong/2027")
    assert (
        open_checkpoint(sign_checkpoint(renewed, renewed.name, 1, EMPTY_ROOT), [renewed.verifier]).size == 1
    )


def test_a_witness_adds_a_line_with_its_time_and_the_log_signature_stays(witness: Signer) -> None:
    signer = Signer.generate(ORIGIN)
    note = cosign(sign_checkpoint(signer, ORIGIN, 3, EMPTY_ROOT), witness, 1_782_871_800)
    assert open_checkpoint(note, [signer.verifier]).size == 3
    assert cosignatures(note, [witness.verifier]) == {witness.verifier: 1_782_871_800}
    assert Verifier.from_text(witness.verifier_key).algorithm is Algorithm.COSIGNATURE


def test_the_cosigned_message_is_the_one_of_the_document(witness: Signer) -> None:
    text = Checkpoint(ORIGIN, 3, EMPTY_ROOT).text
    value = witness.sign(text, timestamp=1679315147).value
    assert value[:8] == (1679315147).to_bytes(8, "big")
    assert value[8:] == witness.key.sign(f"cosignature/v1\ntime 1679315147\n{text}".encode())


def test_a_cosignature_with_another_time_or_of_another_tree_is_refused(witness: Signer) -> None:
    signer = Signer.generate(ORIGIN)
    note = cosign(sign_checkpoint(signer, ORIGIN, 3, EMPTY_ROOT), witness, 5)
    line = parse_note(note).signatures[1]
    later = line.key_id + (6).to_bytes(8, "big") + line.value[8:]
    moved = note.replace(str(line), f"\u2014 {witness.name} {base64.b64encode(later).decode()}")
    other = sign_checkpoint(signer, ORIGIN, 4, EMPTY_ROOT) + f"{line}\n"
    for forged in (moved, other):
        with pytest.raises(SignatureInvalid):
            cosignatures(forged, [witness.verifier])


def test_a_witness_key_does_not_sign_for_the_log_nor_the_log_for_a_witness(witness: Signer) -> None:
    note = cosign(sign_note(Checkpoint(witness.name, 1, EMPTY_ROOT).text, [Signer.generate("x")]), witness, 1)
    with pytest.raises(UnknownKey):
        open_checkpoint(note, [witness.verifier])
    with pytest.raises(NoteError):
        cosign(note, Signer.generate("x"), 1)
    with pytest.raises(NoteError):
        witness.sign("text\n")
