"""Defects of recordings, their keys and how they come in (docs/security/keys.md and threat-model.md, "ingestion")."""

from proofs.planted.planting import ByProof, ByTest, Edit, Mutant, planted

_SEALED, _WRAPPING = "libs/common/objects/sealed_stream.py", "libs/common/keys/key_wrapping.py"
_UPLOAD, _SNIFF = "services/ingestion/upload/accept.py", "services/ingestion/upload/sniff.py"
_CHILD = "libs/media/child.py"
_OPENED, _TAKEN = ByProof("recordings.crypto", "accepted"), ByProof("recordings.upload", "accepted")

KEYS: tuple[Mutant, ...] = (
    planted(
        "patient-not-bound",
        "associated data binds organization, patient, session, object and media type",
        _OPENED,
        Edit(
            "services/ingestion/domain.py",
            "(parties.organization_id, parties.patient_id, session_id, name",
            "(parties.organization_id, session_id, name",
        ),
    ),
    planted(
        "wrapped-keys-open-anywhere",
        "a wrapped key is bound to what it is for",
        _OPENED,
        Edit(_WRAPPING, "self._aead.encrypt(nonce, secret, context)", "self._aead.encrypt(nonce, secret, None)"),
        Edit(_WRAPPING, "self._aead.decrypt(nonce, sealed, context)", "self._aead.decrypt(nonce, sealed, None)"),
    ),
    planted(
        "cut-stream-accepted",
        "a truncated stream is rejected",
        _OPENED,
        Edit(
            _SEALED,
            "    except (tink.TinkError, BrokenPipeToThreadError) as error:\n        raise TamperedError from error\n",
            "    except (tink.TinkError, BrokenPipeToThreadError):\n        return b''\n",
        ),
    ),
    planted(
        "recording-key-not-wrapped",
        "a recording's key is kept wrapped",
        ByProof("recordings.shred", "hits_in_rows"),
        Edit(
            _UPLOAD,
            "wrapped = await key.wrap(keyset, recording_context(plan.parties, plan.recording_id))",
            "wrapped = keyset",
        ),
        Edit(
            "services/ingestion/keys/chain.py",
            "return await key.unwrap(recording.wrapped_keyset, recording_context(parties, recording.id))",
            "return recording.wrapped_keyset",
        ),
    ),
    planted(
        "shredding-leaves-the-key",
        "destroying the recording's wrapped key erases it",
        ByProof("recordings.shred", "shredded_that_open"),
        Edit(
            "services/ingestion/keys/shredding.py",
            "names = await shredder.destroy_recording_keys(tx, session_id)",
            "names: Sequence[str] = ()",
        ),
    ),
    planted(
        "destroyed-key-put-back",
        "a destroyed key stays destroyed",
        ByTest("services/ingestion/tests/test_shredding.py", "test_even_the_owner_cannot_put_a_destroyed_key_back"),
        Edit(
            "services/ingestion/migrations/versions/0003_key_versions.py",
            "if old.destroyed_at is not null and new is distinct from old then",
            "if false then",
        ),
    ),
)
UPLOADS: tuple[Mutant, ...] = (
    planted(
        "size-not-counted",
        "the size is counted while a recording streams in",
        _TAKEN,
        Edit(_UPLOAD, "if self.size > FILE_BYTES_MAX:", "if False:"),
    ),
    planted(
        "content-not-sniffed",
        "the content decides whether it is a recording",
        _TAKEN,
        Edit(
            _SNIFF,
            '    raise refused("text" if _is_text(head) else "nothing that is known to be a recording")',
            '    return "audio/mpeg"',
        ),
    ),
    planted(
        "programs-with-sound-taken",
        "what begins as a program, an archive, a document or an image is no recording",
        _TAKEN,
        Edit(
            _SNIFF,
            "        if head[offset : offset + len(magic)] == magic:\n            raise",
            "        if False:\n            raise",
        ),
    ),
    planted(
        "two-kinds-taken",
        "a recording is not an archive or a document as well",
        _TAKEN,
        Edit(_UPLOAD, "        self._tail.finish()\n", ""),
    ),
    planted(
        "any-duration",
        "a recording lasts at most four hours",
        ByProof("recordings.upload", "untrue"),
        Edit(_CHILD, "if track.played_s > DURATION_MAX_S:", "if False:"),
    ),
    planted(
        "damage-not-counted",
        "a recording of which a part cannot be decoded is not taken as whole",
        ByTest("libs/media/tests/test_recording.py", "test_a_part_that_cannot_be_decoded_is_told_with_its_place"),
        Edit(_CHILD, "            if packet.size:\n", "            if False:\n"),
    ),
    planted(
        "hole-closed",
        "words are timed by the recording's clock",
        ByTest(
            "libs/media/tests/test_recording.py",
            "test_a_hole_in_the_timestamps_is_silence_and_words_after_it_are_late",
        ),
        Edit(_CHILD, "        elif hole_s > HOLE_MIN_S:", "        elif False:"),
    ),
    planted(
        "any-format-decoded",
        "formats by allow-list",
        ByTest("libs/media/tests/test_recording.py", "test_a_format_that_is_not_listed_is_not_read"),
        Edit(_CHILD, '"format_whitelist": FORMATS, ', ""),
    ),
    planted(
        "child-opens-files",
        "no reference to other files or hosts: the child can open nothing",
        ByTest("libs/media/tests/test_sandbox.py", "test_the_child_can_open_nothing_and_take_no_more_than_its_memory"),
        Edit(_CHILD, "    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))\n", ""),
    ),
    planted(
        "bought-before-it-was-played",
        "whether a recording plays is found before anything is bought",
        ByTest(
            "services/transcriber/tests/test_handlers.py",
            "test_a_damaged_recording_is_not_bought_and_its_place_is_published",
        ),
        Edit("services/transcriber/handlers.py", "        if probe.refusal is not None:\n", "        if False:\n"),
    ),
    planted(
        "consent-after-the-body",
        "403 with fewer than 64 KiB of the body taken",
        ByTest(
            "services/ingestion/tests/test_upload.py",
            "test_a_missing_consent_is_refused_before_64_kib_of_the_body_were_read",
        ),
        Edit(
            _UPLOAD,
            "        held = await self._dependencies.consents.hold(parties, [Purpose.RECORDING])\n",
            "        held = {Purpose.RECORDING: ConsentId(self._dependencies.new_id())}\n",
        ),
    ),
    planted(
        "store-not-asked-first",
        "without the object store 503 before the body",
        ByTest("services/ingestion/tests/test_outages.py", "test_a_store_that_is_down_is_told_before_the_file_is_read"),
        Edit(_UPLOAD, "            await self._dependencies.objects.ready()\n", ""),
    ),
)
MUTANTS = (*KEYS, *UPLOADS)
