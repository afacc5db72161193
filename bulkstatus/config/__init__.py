"""The settings: which there are, where each may come from, and which source wins.

`values` says what the settings are and what they mean, `address` which base URLs are safe,
`profile` reads the user's file of named profiles, `keys` finds the API key, and `layers` puts
the sources in their order.
"""

from bulkstatus.config.address import check_base_url, is_loopback
from bulkstatus.config.keys import Account, ApiKey, find_account, no_credentials
from bulkstatus.config.layers import logged_settings, passed_over_base_url, settings_from
from bulkstatus.config.profile import Profile, config_path, profile_names, read_profile
from bulkstatus.config.values import (
    DEFAULT_BASE_URL,
    DEFAULTS,
    Settings,
    parse_seconds,
    resolve,
)

__all__ = [
    "DEFAULTS",
    "DEFAULT_BASE_URL",
    "Account",
    "ApiKey",
    "Profile",
    "Settings",
    "check_base_url",
    "config_path",
    "find_account",
    "is_loopback",
    "logged_settings",
    "no_credentials",
    "parse_seconds",
    "passed_over_base_url",
    "profile_names",
    "read_profile",
    "resolve",
    "settings_from",
]
