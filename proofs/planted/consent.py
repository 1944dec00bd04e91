"""Defects of the lock that consent is (SECURITY.md section 3)."""

from proofs.planting import ByProof, ByTest, Edit, Mutant, planted

_LEDGER = "services/consent/migrations/versions/0001_ledger.py"
_EMBEDDER = "services/embedder/migrations/versions/0001_index.py"
_TRANSCRIBER = "services/transcriber/migrations/versions/0001_transcript.py"
_HELD = "order by c.therapist_id, c.consent_type for share;"

LOCK: tuple[Mutant, ...] = (
    planted(
        "consent-read-without-lock",
        "consent.hold takes FOR SHARE",
        ByProof("consent_race", "rows_after"),
        Edit(_LEDGER, _HELD, "order by c.therapist_id, c.consent_type;"),
    ),
    planted(
        "revocation-waits-for-nobody",
        "a revocation waits for the result transactions in flight",
        ByProof("consent_race", "rows_after"),
        Edit(_LEDGER, _HELD, "order by c.therapist_id, c.consent_type for key share;"),
    ),
    planted(
        "session-without-consent",
        "the trigger on sessions holds consent",
        ByTest("services/ingestion/tests/test_sessions.py", "test_a_session_cannot_be_written_past_the_consent_check"),
        Edit(
            "services/ingestion/migrations/versions/0001_sessions.py",
            "perform consent.hold(new.organization_id, new.patient_id, new.therapist_id, '{recording}');",
            "",
        ),
    ),
    planted(
        "transcript-without-consent",
        "the trigger on transcripts holds consent",
        ByTest("services/transcriber/tests/test_store.py", "test_without_consent_no_transcript_is_made[recording]"),
        Edit(
            _TRANSCRIBER,
            """\
          perform consent.hold(
            new.organization_id, new.patient_id, new.therapist_id, '{recording,transcription}');
""",
            "",
        ),
    ),
    planted(
        "chunk-without-consent",
        "the trigger on chunks holds consent",
        ByTest("services/embedder/tests/test_isolation.py", "test_nothing_can_be_stored_after_a_revocation"),
        Edit(
            _EMBEDDER,
            "perform consent.hold(new.organization_id, new.patient_id, new.therapist_id, '{ai_analysis}');",
            "",
        ),
    ),
    planted(
        "source-without-consent",
        "the trigger on the sources of answers holds consent",
        ByTest("services/chat/tests/test_store.py", "test_a_source_cannot_be_written_once_consent_has_ended"),
        Edit(
            "services/chat/migrations/versions/0001_conversations.py",
            "perform consent.hold(new.organization_id, new.patient_id, new.therapist_id, '{ai_analysis}');",
            "",
        ),
    ),
)
USE: tuple[Mutant, ...] = (
    planted(
        "vendor-hears-before-consent",
        "consent is held before a vendor hears anything",
        ByTest(
            "services/transcriber/tests/test_handlers.py",
            "test_consent_to_record_and_to_transcribe_is_asked_before_anything_is_heard",
        ),
        Edit(
            "services/transcriber/handlers.py",
            "        await world.consents.hold(about.patient_id, about.therapist_id, PURPOSES)\n",
            "",
        ),
    ),
    planted(
        "model-reads-before-consent",
        "consent is held before a model reads anything",
        ByTest(
            "services/chat/tests/test_handlers.py",
            "test_a_therapist_without_consent_is_left_out_before_any_model_is_asked",
        ),
        Edit(
            "services/chat/handlers.py",
            "passages=tuple(passage for passage in passages if therapists.get(passage.session_id) in consents),",
            "passages=tuple(passages),",
        ),
    ),
    planted(
        "search-shows-what-was-revoked",
        "revoked means invisible in the next statement",
        ByTest(
            "services/embedder/tests/test_isolation.py",
            "test_revoked_consent_hides_everything_in_the_next_statement",
        ),
        Edit(_EMBEDDER, "using ({mine('embedder:read')} and {allowed})", "using ({mine('embedder:read')})"),
    ),
    planted(
        "old-answers-still-shown",
        "an answer whose sources are no longer allowed is redacted in history",
        ByTest(
            "services/chat/tests/test_store.py",
            "test_revocation_hides_old_answers_at_once_and_keeps_them_from_the_model",
        ),
        Edit(
            "services/chat/store.py",
            "case when m.therapist_ids <@ (select therapists_allowed(:patient_id)) then m.text end as text",
            "m.text as text",
        ),
    ),
    planted(
        "old-answer-repeated",
        "an answer kept for repetition asks consent again",
        ByTest(
            "services/gateway/tests/test_limits_and_replays.py",
            "test_an_answer_of_the_chat_does_not_come_back_once_consent_has_ended",
        ),
        Edit(
            "services/gateway/gate.py", "if not await self.still_allowed(", "if not True and await self.still_allowed("
        ),
    ),
)
MUTANTS = (*LOCK, *USE)
