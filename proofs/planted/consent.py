"""Defects of the lock that consent is (docs/architecture.md, "The three promises and where they are kept")."""

from proofs.planted.planting import ByProof, ByTest, Edit, Mutant, planted

_LEDGER = "services/consent/migrations/versions/0001_ledger.py"
_EMBEDDER = "services/embedder/migrations/versions/0001_index.py"
_EMBEDDER_BOTH = "services/embedder/migrations/versions/0005_transcription.py"
_CHAT = "services/chat/migrations/versions/0007_records.py"
_HOLDS_BOTH = """\
          perform consent.hold(
            new.organization_id, new.patient_id, new.therapist_id, '{transcription,ai_analysis}');
"""
_TRANSCRIBER = "services/transcriber/migrations/versions/0001_transcript.py"
_SHOWN = "(m.therapist_ids = '{}' or stands(m.patient_id, m.therapist_ids, m.consent_ids))"
_HELD = "order by c.therapist_id, c.consent_type for share;"

LOCK: tuple[Mutant, ...] = (
    planted(
        "consent-read-without-lock",
        "consent.hold takes FOR SHARE",
        ByProof("consent.consent_race", "rows_after"),
        Edit(_LEDGER, _HELD, "order by c.therapist_id, c.consent_type;"),
    ),
    planted(
        "revocation-waits-for-nobody",
        "a revocation waits for the result transactions in flight",
        ByProof("consent.consent_race", "rows_after"),
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
        ByTest(
            "services/embedder/tests/test_isolation.py", "test_nothing_can_be_stored_after_a_revocation[ai_analysis]"
        ),
        Edit(_EMBEDDER_BOTH, _HOLDS_BOTH, ""),
    ),
    planted(
        "chunk-without-consent-to-words",
        "the trigger on chunks holds consent to transcription as well",
        ByProof("consent.consent_race", "rows_after"),
        Edit(_EMBEDDER_BOTH, "'{transcription,ai_analysis}'", "'{ai_analysis}'"),
    ),
    planted(
        "source-without-consent",
        "the triggers on answers and on their sources hold consent",
        ByTest("services/chat/tests/test_store.py", "test_a_source_cannot_be_written_once_consent_has_ended"),
        Edit(_CHAT, _HOLDS_BOTH, ""),
        Edit(_CHAT, "for each row when (new.therapist_ids <> '{}')", "for each row when (false)"),
    ),
    planted(
        "history-without-consent",
        "the trigger on answers holds consent to what their history stands on",
        ByTest(
            "services/chat/tests/test_store.py",
            "test_an_answer_is_not_recorded_when_consent_to_its_history_ends_while_it_is_written",
        ),
        Edit(_CHAT, "for each row when (new.therapist_ids <> '{}')", "for each row when (false)"),
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
            "        await dependencies.consents.hold(about.patient_id, about.therapist_id, PURPOSES)\n",
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
            "services/chat/answering.py",
            "(passage for passage in found.passages if therapists.get(passage.session_id) in consents)",
            "(passage for passage in found.passages)",
        ),
    ),
    planted(
        "telling-goes-on-after-revocation",
        "a revocation stops an answer between two sentences",
        ByTest(
            "services/chat/tests/models/test_telling.py",
            "test_consent_that_is_revoked_meanwhile_stops_the_answer_and_nothing_is_stored",
        ),
        Edit("services/chat/telling.py", "            await self._require(written.sources)\n", ""),
    ),
    planted(
        "session-leaves-after-revocation",
        "consent is held again before a session leaves for the vendor that finds commitments",
        ByTest(
            "services/embedder/tests/commitments/test_indexing.py",
            "test_consent_is_held_again_before_the_words_leave",
        ),
        Edit(
            "services/embedder/handlers.py",
            "        # Embedding took its time, and here every word leaves at once.\n"
            "        await self._hold(event, SEARCH_PURPOSES)\n",
            "",
        ),
    ),
    planted(
        "search-shows-what-was-revoked",
        "revoked means invisible in the next statement",
        ByTest(
            "services/embedder/tests/test_isolation.py",
            "test_revoked_consent_hides_everything_in_the_next_statement[ai_analysis]",
        ),
        Edit(_EMBEDDER, "using ({mine('embedder:read')} and {allowed})", "using ({mine('embedder:read')})"),
    ),
    planted(
        "transcripts-show-what-was-revoked",
        "the policy of transcripts asks for consent to the words",
        ByTest(
            "services/transcriber/tests/test_store.py",
            "test_a_revocation_hides_the_words_at_once_and_a_new_grant_shows_them_again",
        ),
        Edit(
            "services/transcriber/migrations/versions/0007_by_patient.py",
            "using ({mine} and {allowed})",
            "using ({mine})",
        ),
    ),
    planted(
        "old-answers-still-shown",
        "an answer whose sources are no longer allowed is redacted in history",
        ByTest(
            "services/chat/tests/test_store.py",
            "test_revocation_hides_old_answers_at_once_and_keeps_them_from_the_model",
        ),
        Edit("services/chat/store.py", _SHOWN, "true"),
    ),
    planted(
        "search-without-consent-to-words",
        "the policy of the index asks for consent to transcription as well",
        ByTest(
            "services/embedder/tests/test_isolation.py",
            "test_revoked_consent_hides_everything_in_the_next_statement[transcription]",
        ),
        Edit(_EMBEDDER_BOTH, "intersect select consent.in_force(c.org, c.patient, 'transcription')", ""),
    ),
    planted(
        "quotes-without-consent-to-words",
        "the policy of quotes asks for consent to transcription as well",
        ByTest(
            "services/chat/tests/test_store.py",
            "test_quotes_need_consent_to_the_words_and_to_their_analysis[transcription]",
        ),
        Edit(_CHAT, "intersect select consent.in_force(c.org, patient, 'transcription')", ""),
        Edit(
            "services/chat/domain/basis.py",
            "frozenset((self.analysis, self.transcription))",
            "frozenset((self.analysis,))",
        ),
    ),
    planted(
        "late-revocation-redacts-all",
        "a redaction compares consent records, not therapists",
        ByTest(
            "services/chat/tests/test_store.py",
            "test_a_revocation_that_is_heard_late_takes_nothing_from_answers_under_the_new_consent",
        ),
        Edit(_CHAT, " and not chat.stands(of_patient, m.therapist_ids, m.consent_ids)", ""),
    ),
    planted(
        "old-answer-shown-under-new-consent",
        "an answer is shown only under the consent record it was given under",
        ByTest(
            "services/chat/tests/test_store.py",
            "test_an_answer_under_a_consent_that_ended_stays_hidden_while_its_event_is_late",
        ),
        Edit(_CHAT, " and consent.are_in_force(c.org, patient, consents)", ""),
        Edit(
            "services/chat/migrations/versions/0009_by_patient.py",
            "and consent_id = any ((select chat.consents_standing({patient}))::uuid[]) end",
            "end",
        ),
    ),
    planted(
        "history-keeps-revoked-words",
        "an answer stands on the consents of its history as well",
        ByTest(
            "services/chat/tests/test_store.py",
            "test_an_answer_that_had_a_revoked_one_as_its_history_is_not_shown_sent_or_kept",
        ),
        Edit("services/chat/domain/basis.py", "else own | history", "else own"),
    ),
    planted(
        "old-answer-repeated",
        "a repeated request reads its answer under the consent of now",
        ByProof("surface.repeat", "words_given"),
        Edit("services/chat/store.py", _SHOWN, "true"),
        # A session whose index was withheld for want of consent is in no answer either.
        Edit("services/chat/store.py", " and is_shown(m.patient_id, m.id) then", " then"),
        # What the event of the revocation does comes later, and would hide what this takes away.
        Edit("services/gateway/handlers.py", "if event.consent_type is not Purpose.RECORDING:", "if False:"),
        Edit("services/chat/handlers.py", "if event.consent_type in _QUOTE_PURPOSES:", "if False:"),
    ),
    planted(
        "words-to-a-key-that-writes",
        "a key that may not read words is given none by a swap of speakers or its repeat",
        ByProof("surface.repeat", "words_given"),
        Edit(
            "services/gateway/domain.py",
            "return Scope.TRANSCRIPTS_READ in principal.scopes",
            "return bool(principal.scopes)",
        ),
    ),
    planted(
        "repeats-shared-by-keys",
        "a repeat belongs to the credential that asked",
        ByProof("surface.repeat", "secrets_given"),
        Edit(
            "services/gateway/pipeline/pipeline.py",
            "IdempotentRequest(credential_in(request.headers), ",
            "IdempotentRequest(str(principal.organization_id), ",
        ),
    ),
    planted(
        "secret-repeated-for-a-day",
        "a secret is told again for a minute only",
        ByProof("surface.repeat", "secrets_given"),
        Edit("services/gateway/domain.py", "SECRET_WITHIN = timedelta(minutes=1)", "SECRET_WITHIN = timedelta(days=1)"),
    ),
    planted(
        "uploads-shared-by-keys",
        "an upload's Idempotency-Key belongs to the API key that sent it",
        ByTest(
            "services/ingestion/tests/test_upload_again.py",
            "test_another_api_key_under_the_same_word_uploads_another_session",
        ),
        Edit(
            "services/ingestion/upload/accept.py",
            ', "upload", str(claims.api_key_id), idempotency_key)',
            ', "upload", idempotency_key)',
        ),
    ),
    planted(
        "refusal-kept",
        "a refusal frees the Idempotency-Key",
        ByProof("surface.repeat", "stale_refusals"),
        Edit(
            "services/gateway/pipeline/pipeline.py", "await asyncio.shield(self.idempotency.release(attempted))", "pass"
        ),
    ),
)
MUTANTS = (*LOCK, *USE)
