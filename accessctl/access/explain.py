"""A decision in words, Vietnamese or English, for the command line and the error page (policy.md §3)."""

from __future__ import annotations

from accessctl.access.loader import PolicySet
from accessctl.access.table import Decision

_WORDS = {
    "allowed": ("Được phép", "Allowed"),
    "no_rule": (
        "Không được phép: chính sách không giao quyền này cho ông/bà",
        "Not allowed: no rule gives this right",
    ),
    "denied_by_rule": ("Không được phép: chính sách cấm", "Not allowed: a guard forbids it"),
    "unknown_word": ("Không được phép: yêu cầu có từ không có trong chính sách", "Not allowed: unknown word"),
    "policy_broken": (
        "Không được phép: chính sách phân quyền không dùng được, mọi yêu cầu bị từ chối",
        "Not allowed: the access policy cannot be used, everything is denied",
    ),
    "not_authenticated": ("Không được phép: chưa đăng nhập", "Not allowed: nobody is signed in"),
}


def sentence(decision: Decision, language: str = "vi") -> str:
    """The answer and its reason in one sentence, with the deciding line where there is one."""
    words = _WORDS[decision.reason][0 if language == "vi" else 1]
    return f"{words} ({decision.detail})."


def label(policy: PolicySet, table: str, word: str, language: str = "vi") -> str:
    """What a word is called on screen; `table` is roles, permissions, cases or scopes."""
    found = policy.labels.get(f"{table}.{word}")
    if found is None:
        return word
    return found.vi if language == "vi" else found.en


def holders(policy: PolicySet, permission: str, language: str = "vi") -> tuple[str, ...]:
    """Who would have a permission, in words: "Bộ phận Cấp sổ, thẻ (đơn vị khác)", in the policy's order."""
    found = {
        " ".join(
            (label(policy, "roles", rule.sub, language), f"({label(policy, 'scopes', rule.scope, language)})")
        ): None
        for rule in policy.rules
        if rule.perm == permission and rule.eft == "allow"
    }
    return tuple(found)
