"""Defects of logs, errors, records and erasure (docs/security/no-words.md, docs/security/erasure.md)."""

from proofs.planted.planting import ByProof, ByTest, Edit, Mutant, planted

_EDGE = "libs/common/http/edge.py"
_RESPONSES = "libs/common/http/tests/test_problems.py"
_ERASING = "services/ingestion/erasure/handlers.py"
_ERASURES = "services/ingestion/erasure/store.py"
_ERASED = "services/ingestion/tests/test_erasure.py"

WORDS: tuple[Mutant, ...] = (
    planted(
        "any-log-key",
        "log keys are an allow-list",
        ByTest(
            _RESPONSES,
            "test_a_log_key_outside_the_allow_list_is_refused_in_tests_and_dropped_in_production",
        ),
        Edit(
            "libs/common/log.py",
            "return {key: value for key, value in line.items() if key in self._keys}",
            "return line",
        ),
    ),
    planted(
        "errors-say-why",
        "an error's text never leaves",
        ByTest(_RESPONSES, "test_a_broken_handler_says_nothing_of_why_to_anybody"),
        Edit(_EDGE, "import internal_error, problem_response", "import INTERNAL, AppError, problem_response"),
        Edit(_EDGE, "problem_response(internal_error(), self", "problem_response(AppError(INTERNAL, str(error)), self"),
    ),
    planted(
        "faults-repeat-values",
        "a refused field is pointed at and its value not repeated",
        ByTest(_RESPONSES, "test_a_wrong_body_is_pointed_at_without_repeating_it"),
        Edit("libs/common/http/problems.py", 'return str(fault["msg"]) if', "return str(fault) if"),
    ),
    planted(
        "unknown-fields-accepted",
        "unknown fields are refused",
        ByTest("services/gateway/tests/test_proxying.py", "test_unknown_fields_and_parameters_do_not_pass"),
        Edit("services/gateway/api/route_registry.py", 'extra="forbid"', 'extra="ignore"'),
    ),
)
RECORDS: tuple[Mutant, ...] = (
    planted(
        "read-without-a-row",
        "words are on record before they leave",
        ByTest(
            "services/transcriber/tests/test_api.py",
            "test_words_are_on_record_before_they_leave_and_do_not_leave_without",
        ),
        Edit(
            "services/transcriber/corrections.py",
            "            await self._audit.note(tx, transcript, Release.READ)\n",
            "",
        ),
    ),
    planted(
        "search-without-a-row",
        "each transcript that a search shows from is on record",
        ByTest(
            "services/transcriber/tests/transcripts/test_search.py",
            "test_each_transcript_that_is_shown_from_is_on_record_once_and_never_what_was_asked_for",
        ),
        Edit(
            "services/transcriber/search/handlers.py",
            "                await self._audit.note(tx, hit, Release.SEARCH)\n",
            "                pass\n",
        ),
    ),
    planted(
        "answer-without-a-row",
        "each answer is on record in its own transaction",
        ByTest("services/chat/tests/test_store.py", "test_the_audit_row_is_there_with_the_answer_and_holds_no_words"),
        Edit(
            "services/chat/store.py",
            "        await tx.execute(_ADD_AUDIT, ours | on_record)\n",
            "",
        ),
    ),
    planted(
        "reading-again-without-a-row",
        "each reading of a conversation is on record in its own transaction",
        ByTest(
            "services/chat/tests/test_store.py",
            "test_a_conversation_that_is_read_again_leaves_a_row_with_who_and_how_much_and_no_words",
        ),
        Edit(
            "services/chat/store.py",
            "await tx.execute(_NOTE_READING, _ours(patient_id) | self._reading(conversation_id, len(page.rows)))",
            "pass",
        ),
    ),
    planted(
        "key-made-without-a-row",
        "the database writes who made a key",
        ByTest(
            "services/gateway/tests/test_access_audit.py",
            "test_a_key_that_somebody_made_at_the_database_is_on_record_too",
        ),
        Edit(
            "services/gateway/migrations/versions/0007_access_audit.py",
            '    ("key.created", "api_key", "id", "insert", "true"),\n',
            "",
        ),
    ),
    planted(
        "gateway-writes-its-own-record",
        "the gateway cannot add to the record of access",
        ByTest(
            "services/gateway/tests/test_access_audit.py",
            "test_not_even_sql_of_the_gateway_writes_into_the_record",
        ),
        Edit(
            "services/gateway/migrations/versions/0007_access_audit.py",
            'for insert to owner_gateway with check (true)")\n',
            'for insert to public with check (true)")\n'
            '    op.execute("grant insert on gateway.access_audit to svc_gateway")\n',
        ),
    ),
    planted(
        "record-names-somebody-else",
        "the database writes who, from the capability",
        ByTest(
            "services/transcriber/tests/test_audit.py",
            "test_a_row_cannot_say_that_somebody_else_read_or_at_another_time",
        ),
        Edit("libs/tenancy/audit.py", "          new.actor := c.actor;\n", ""),
    ),
    planted(
        "record-can-be-changed",
        "nobody changes the record, not even in replica role",
        ByTest("services/transcriber/tests/test_audit.py", "test_not_even_a_superuser_who_plays_replica_changes_it"),
        Edit("libs/tenancy/audit.py", 'op.execute(f"alter table {table} enable always trigger append_only")', "pass"),
    ),
)
ERASURE: tuple[Mutant, ...] = (
    planted(
        "no-tombstone",
        "a tombstone keeps a replay from resurrecting",
        ByTest(
            "services/embedder/tests/test_erasure.py",
            "test_a_late_index_of_an_erased_session_is_refused_and_is_no_failure",
        ),
        Edit(
            "libs/tenancy/erased_subjects.py",
            """\
          insert into {schema}.tombstone (organization_id, patient_id, session_id, erasure_id)
          values (c.org, of_patient, of_session, of_erasure) on conflict do nothing;
""",
            "",
        ),
    ),
    planted(
        "vectors-left",
        "erasure drops vectors",
        ByTest(
            "services/embedder/tests/test_erasure.py",
            "test_a_patients_erasure_leaves_no_row_even_of_what_a_revocation_hides",
        ),
        Edit("services/embedder/migrations/versions/0003_erasure.py", '        Rows("embedding"),\n', ""),
    ),
    planted(
        "objects-left",
        "erasure deletes objects",
        ByTest(_ERASED, "test_an_erased_session_leaves_no_row_no_key_and_no_object_and_the_next_one_is_untouched"),
        Edit(_ERASING, "                await self._objects.remove(name)\n", ""),
    ),
    planted(
        "erasure-leaves-keys",
        "erasure destroys keys",
        ByTest(_ERASED, "test_an_erased_session_leaves_no_row_no_key_and_no_object_and_the_next_one_is_untouched"),
        Edit(_ERASURES, "keys = await _shred(tx, subject)", "keys = 0"),
    ),
    planted(
        "legal-hold-ignored",
        "a legal hold blocks erasure",
        ByTest(_ERASED, "test_a_legal_hold_forbids_both_until_it_is_lifted"),
        Edit(
            _ERASURES,
            "if (await tx.execute(_LOCK_HOLD, whose)).scalar_one():",
            "if not await tx.execute(_LOCK_HOLD, whose):",
        ),
    ),
)
CRISIS: tuple[Mutant, ...] = (
    planted(
        "message-not-cut-after-folding",
        "no message makes the crisis pipeline slow",
        ByProof("availability.crisis_cost", "worst_ms"),
        Edit("services/chat/domain/plain_text.py", "        if len(read) > PLAIN_CHARS_MAX:\n            break\n", ""),
        Edit("services/chat/domain/plain_text.py", "read[:PLAIN_CHARS_MAX].translate", "read.translate"),
    ),
)
INDEX: tuple[Mutant, ...] = (
    planted(
        "rebuild-switches-early",
        "an organization changes its model only when no vector is missing",
        ByTest("services/embedder/tests/models/test_rebuild.py", "test_nothing_changes_while_one_vector_is_missing"),
        Edit(
            "services/embedder/migrations/versions/0011_vector_beside_words.py",
            "          if missing = 0 then\n",
            "          if true then\n",
        ),
    ),
    planted(
        "vendor-reads-for-a-local-index",
        "a vendor reads nothing of an organization that is searched with the local model",
        ByTest(
            "services/embedder/tests/models/test_model_choice.py",
            "test_words_go_to_the_configured_vendor_only_for_organizations_that_use_it",
        ),
        Edit("services/embedder/handlers.py", "if configured != LOCAL and (await", "if configured == LOCAL and (await"),
    ),
)
MUTANTS = (*WORDS, *RECORDS, *ERASURE, *CRISIS, *INDEX)
