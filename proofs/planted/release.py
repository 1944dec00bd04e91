"""Defects of what an organization decides (docs/adr/0019-who-releases-is-asked-in-the-database.md)."""

from proofs.planted.planting import ByTest, Edit, Mutant, planted

_ANSWERING = "services/chat/answering.py"
_INGESTION = "services/ingestion/migrations/versions/0011_release.py"
_OF_INGESTION = "services/ingestion/tests/test_release.py"
_OF_CHAT = "services/chat/tests/organization/test_release.py"
_OF_MODES = "services/chat/tests/organization/test_modes.py"
_OF_LINES = "services/chat/tests/organization/test_crisis_lines.py"

MUTANTS: tuple[Mutant, ...] = (
    planted(
        "unreleased-sessions-listed",
        "the list that the chat reads has released sessions only",
        ByTest(_OF_INGESTION, "test_a_list_of_released_sessions_leaves_the_others_out"),
        Edit(
            "services/ingestion/store.py",
            '    " and (cast(:released as boolean) is null or (released_at is not null) = :released)"\n',
            '    " and (cast(:released as boolean) is null or true)"\n',
        ),
    ),
    planted(
        "chat-asks-for-all-that-is-ready",
        "the chat asks for sessions that are released",
        ByTest("services/chat/tests/test_clients.py", "test_all_pages_of_ready_sessions_are_read"),
        Edit("services/chat/clients.py", '"released": "true", ', '"released": "", '),
    ),
    planted(
        "unreleased-sessions-searched",
        "a search names the sessions that may be told of",
        ByTest("services/chat/tests/test_clients.py", "test_passages_come_back_as_they_were_said"),
        Edit("services/chat/clients.py", '"limit": PASSAGES_MAX, "session_ids": of}', '"limit": PASSAGES_MAX}'),
    ),
    planted(
        "unreleased-commitments-told",
        "commitments are those of the sessions that may be told of",
        ByTest(
            "services/embedder/tests/commitments/test_store.py",
            "test_what_other_sessions_set_is_not_told_of_those_that_are_asked_about",
        ),
        Edit(
            "services/embedder/commitments/store.py",
            "(cast(:sessions as uuid[]) is null or session_id = any (:sessions))",
            "(cast(:sessions as uuid[]) is null or true)",
        ),
    ),
    planted(
        "unreleased-answers-remembered",
        "an answer from a session that was taken back is no history",
        ByTest(_OF_MODES, "test_an_answer_from_a_session_that_was_taken_back_is_no_history_any_more"),
        Edit(_ANSWERING, "if open_to_all.issuperset(one.session_ids))", "if open_to_all is not None)"),
    ),
    planted(
        "unreleased-sources-stored",
        "no source of a session that is held back is stored, so no answer from it is sent",
        ByTest(_OF_CHAT, "test_an_answer_that_quotes_a_session_held_back_is_not_recorded"),
        Edit(
            "services/chat/migrations/versions/0010_release.py",
            "if ingestion.is_held_back(new.patient_id, new.session_id) then",
            "if false then",
        ),
    ),
    planted(
        "taking-back-waits-for-nobody",
        "whoever takes a session back waits for the answer that is being stored",
        ByTest(_OF_CHAT, "test_whoever_takes_a_session_back_waits_for_the_answer_that_is_being_stored"),
        Edit(
            _INGESTION, "and s.session_id = is_held_back.session for share;", "and s.session_id = is_held_back.session;"
        ),
    ),
    planted(
        "unreleased-answers-shown-again",
        "an old answer is not shown while a session that it quotes is held back",
        ByTest(_OF_CHAT, "test_an_answer_is_shown_while_the_session_that_it_quotes_is_released"),
        Edit(
            "services/chat/store.py",
            " and is_shown(m.patient_id, m.id) then m.text end as text",
            " then m.text end as text",
        ),
    ),
    planted(
        "policy-of-the-upload-alone",
        "a change to `therapist` holds for what is being processed",
        ByTest(_OF_INGESTION, "test_the_stricter_policy_of_the_upload_and_of_when_it_is_ready_counts[auto-therapist]"),
        Edit(
            _INGESTION, "new.release = 'auto' and gateway.release_policy() = 'auto' then", "new.release = 'auto' then"
        ),
    ),
    planted(
        "mode-believed-when-missing",
        "a message without a mode is answered by quotes",
        ByTest(_OF_MODES, "test_a_mode_that_is_missing_or_unknown_means_no_more_than_quotes"),
        Edit("libs/contracts/safety.py", "ChatMode.QUOTES)\n", "ChatMode.RECALL)\n"),
    ),
    planted(
        "off-before-the-crisis-check",
        "a crisis is answered where the chat is off",
        ByTest(_OF_MODES, "test_a_crisis_is_answered_over_http_where_the_chat_is_off"),
        Edit(
            "services/chat/handlers.py",
            "if concern is not None and (off or concern.level is Level.EXPLICIT):",
            "if concern is not None and not off and concern.level is Level.EXPLICIT:",
        ),
    ),
    planted(
        "another-organizations-lines-told",
        "a patient in a crisis is told the lines of the own organization",
        ByTest(_OF_LINES, "test_each_message_is_told_the_lines_of_its_own_organization"),
        Edit(
            "services/chat/crisis_care.py",
            "return help_lines_for(organization, self.lines)",
            'return self.__dict__.setdefault("first", help_lines_for(organization, self.lines))',
        ),
    ),
    planted(
        "lines-of-the-organization-before-the-ambulance",
        "in a medical emergency the ambulance comes first",
        ByTest(_OF_LINES, "test_own_lines_stand_first_in_every_text_but_after_the_ambulance"),
        Edit(
            "services/chat/domain/crisis/caring.py",
            'return f"{now} {own_first}To talk to somebody: {crisis}."',
            'return f"{own_first}{now} To talk to somebody: {crisis}."',
        ),
    ),
)
