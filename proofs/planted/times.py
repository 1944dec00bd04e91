"""Defects of the times that callers send and of whose calendar is meant (libs/common/client_time.py)."""

from proofs.planted.planting import ByTest, Edit, Mutant, planted

_GATEWAY, _UPLOADS = "services/gateway/tests/test_times.py", "services/ingestion/tests/test_times.py"

MUTANTS: tuple[Mutant, ...] = (
    planted(
        "instant-beyond-the-years",
        "an instant lies in the years 0001 to 9999 in UTC",
        ByTest(_GATEWAY, "test_a_time_that_no_part_could_read_or_without_a_zone_goes_nowhere"),
        Edit(
            "libs/common/client_time.py", "_AWARE.validate_python(raw).astimezone(UTC)", "_AWARE.validate_python(raw)"
        ),
    ),
    planted(
        "session-date-beyond-today",
        "a session was in 1900 or later, and is not more than a day from now",
        ByTest(_UPLOADS, "test_a_session_is_not_more_than_a_day_ahead"),
        Edit("services/ingestion/upload/form.py", " and at <= now + AHEAD_MAX", ""),
    ),
    planted(
        "unreadable-row-fails-its-page",
        "one row that nobody can read fails no page",
        ByTest(_UPLOADS, "test_a_row_that_nobody_can_read_fails_no_page_and_can_be_erased"),
        Edit(
            "libs/common/database/transaction.py",
            '        event.listen(self._engine.sync_engine, "connect", read_all_times)\n',
            "",
        ),
    ),
    planted(
        "dates-of-greenwich",
        "an answer speaks of days as the patient's calendar showed them",
        ByTest(
            "services/chat/tests/test_local_dates.py",
            "test_a_session_is_quoted_with_the_date_the_patients_calendar_showed",
        ),
        Edit(
            "services/chat/domain/conversation.py",
            "local(self.date, zone) if self.day is None",
            "self.date if self.day is None",
        ),
    ),
)
