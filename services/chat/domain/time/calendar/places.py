# ruff: noqa: E501 - what is said is read on one line
"""What a time zone says about a place: its hemisphere, and its country where feasts differ by country."""

from datetime import tzinfo

_SOUTHERN = (
    "Australia/", "Antarctica/", "Pacific/Auckland", "Pacific/Chatham", "Pacific/Fiji", "Pacific/Tongatapu",
    "Pacific/Apia", "Pacific/Noumea", "Pacific/Port_Moresby", "Pacific/Guadalcanal", "Pacific/Efate",
    "Africa/Johannesburg", "Africa/Maseru", "Africa/Mbabane", "Africa/Maputo", "Africa/Harare", "Africa/Lusaka",
    "Africa/Gaborone", "Africa/Windhoek", "Africa/Luanda", "Africa/Blantyre", "Africa/Dar_es_Salaam", "Indian/Mauritius",
    "Indian/Reunion", "Indian/Antananarivo", "America/Argentina", "America/Buenos_Aires", "America/Sao_Paulo",
    "America/Bahia", "America/Recife", "America/Fortaleza", "America/Belem", "America/Cuiaba", "America/Campo_Grande",
    "America/Porto_Velho", "America/Rio_Branco", "America/Manaus", "America/Santiago", "America/Punta_Arenas",
    "America/Montevideo", "America/Asuncion", "America/La_Paz", "America/Lima", "Atlantic/Stanley", "NZ", "Brazil/",
    "Chile/",
)  # fmt: skip
_COUNTRIES = {
    "Europe/London": "GB", "Europe/Belfast": "GB", "Europe/Jersey": "GB", "Europe/Guernsey": "GB", "GB": "GB",
    "Europe/Isle_of_Man": "GB", "Europe/Dublin": "IE", "Eire": "IE", "Europe/Warsaw": "PL", "Poland": "PL",
    "Europe/Berlin": "DE", "Europe/Busingen": "DE", "Europe/Vienna": "AT", "Europe/Zurich": "CH", "Europe/Paris": "FR",
    "Europe/Lisbon": "PT", "Atlantic/Madeira": "PT", "Atlantic/Azores": "PT", "Portugal": "PT", "Europe/Madrid": "ES",
    "Atlantic/Canary": "ES", "Europe/Rome": "IT", "Europe/Amsterdam": "NL", "Europe/Brussels": "BE",
    "Europe/Stockholm": "SE", "Europe/Oslo": "NO", "Europe/Copenhagen": "DK", "Europe/Helsinki": "FI",
    "Europe/Prague": "CZ", "Asia/Kolkata": "IN", "Asia/Calcutta": "IN", "Asia/Singapore": "SG", "Asia/Tokyo": "JP",
    "Pacific/Auckland": "NZ", "Pacific/Chatham": "NZ", "NZ": "NZ", "Africa/Johannesburg": "ZA",
    "America/Toronto": "CA", "America/Vancouver": "CA", "America/Edmonton": "CA", "America/Winnipeg": "CA",
    "America/Halifax": "CA", "America/St_Johns": "CA", "America/Regina": "CA", "America/Montreal": "CA",
    "America/Moncton": "CA", "America/Whitehorse": "CA", "America/Mexico_City": "MX",
}  # fmt: skip
_AMERICAN = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Phoenix", "US/",
    "America/Anchorage", "America/Juneau", "America/Boise", "America/Detroit", "America/Indiana", "America/Kentucky",
    "America/North_Dakota", "America/Menominee", "America/Adak", "America/Nome", "America/Sitka", "Pacific/Honolulu",
    "America/Puerto_Rico", "America/Indianapolis", "America/Louisville",
)  # fmt: skip


def _name(zone: tzinfo) -> str:
    return str(getattr(zone, "key", zone))


def is_southern(zone: tzinfo) -> bool:
    """Tell whether the seasons of a zone are those of the southern hemisphere."""
    return _name(zone).startswith(_SOUTHERN)


def country_of(zone: tzinfo) -> str:
    """Return the country of a zone by its ISO code, or "" where it is not known."""
    name = _name(zone)
    if name.startswith("Australia/"):
        return "AU"
    return "US" if name.startswith(_AMERICAN) else _COUNTRIES.get(name, "")
