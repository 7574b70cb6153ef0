"""Names and places for invented participants, as they are usual in the province (domain.md §17).

Faker's vi_VN puts the given name first and adds honorifics; here it is họ, đệm, tên.
"""

from __future__ import annotations

from itertools import accumulate
from random import Random

_FAMILIES = (
    ("Nguyễn", 30), ("Trần", 11), ("Lê", 10), ("Phạm", 7), ("Hoàng", 5), ("Phan", 4), ("Vũ", 3), ("Võ", 3),
    ("Đặng", 3), ("Bùi", 3), ("Đỗ", 2), ("Hồ", 2), ("Ngô", 2), ("Dương", 2), ("Nông", 4), ("Lý", 3),
    ("Triệu", 3), ("Hà", 3),
)  # fmt: skip
_FAMILY_NAMES = tuple(name for name, _ in _FAMILIES)
_FAMILY_WEIGHTS = tuple(accumulate(weight for _, weight in _FAMILIES))
_MIDDLE = {
    "M": ("Văn", "Văn", "Đức", "Hữu", "Quốc", "Minh", "Thanh", "Xuân", "Công", ""),
    "F": ("Thị", "Thị", "Thị Thu", "Thị Ngọc", "Thị Thanh", "Thanh", "Ngọc", "Kim", "Thị Kim", ""),
}
_GIVEN = {
    "M": (
        "An", "Bình", "Cường", "Dũng", "Đạt", "Giang", "Hải", "Hậu", "Hiếu", "Hòa", "Hùng", "Huy", "Khoa",
        "Lâm", "Long", "Lộc", "Minh", "Nam", "Nghĩa", "Phong", "Phúc", "Phước", "Quân", "Quang", "Quý",
        "Sơn", "Tài", "Tâm", "Thắng", "Thành", "Thiện", "Thịnh", "Toàn", "Trọng", "Trung", "Tú", "Tuấn",
        "Tùng", "Việt", "Vinh",
    ),
    "F": (
        "Ánh", "Bích", "Châu", "Chi", "Cúc", "Diệp", "Dung", "Duyên", "Đào", "Giang", "Hà", "Hạnh", "Hân",
        "Hằng", "Hiền", "Hoa", "Hồng", "Huệ", "Hương", "Lan", "Lệ", "Liên", "Linh", "Loan", "Mai", "My",
        "Nga", "Ngân", "Nguyệt", "Nhàn", "Nhung", "Oanh", "Phương", "Phượng", "Quyên", "Tâm", "Thảo",
        "Thủy", "Thúy", "Trang", "Trâm", "Vân", "Yến",
    ),
}  # fmt: skip
_MNONG = {
    "M": ("Krứ", "Srây", "Bang", "Grứ", "Mrêng", "Tiêng", "Brang", "Lôm", "N'Jang", "Xuân"),
    "F": ("Mơ", "Bhơ", "Giang", "Mai", "Hiêng", "Nhẫn", "N'Rong", "Dê", "Sép", "Lơm"),
}
_EDE = {
    "M": ("Bluê", "Thịnh", "Wơn", "Khoan", "Djuêl", "Bhiông", "Suôn", "Nguyên"),
    "F": ("Bia", "Djuôn", "Blă", "Hen", "Yar", "Mlô", "Nguôm", "Ngăm"),
}
_EDE_SIGN = {"M": "Y ", "F": "H'"}
_N = "N'"
_CLANS = ("Niê", "Êban", "Byă", "Kbuôr", "Mlô", "Ayŭn", "Êñuôl", "Niê Kdăm", "Buôn Yă")


def full_name(rng: Random, sex: str) -> str:
    """Họ, đệm, tên; about one in eight as M'Nông or Ê Đê people write theirs."""
    kind = rng.random()
    if kind < 0.05:
        return f"{'Điểu' if sex == 'M' else 'Thị'} {rng.choice(_MNONG[sex])}"
    if kind < 0.07:
        return f"{'K' if sex == 'M' else 'H'}'{rng.choice(_MNONG[sex]).removeprefix(_N)}"
    if kind < 0.12:
        return f"{_EDE_SIGN[sex]}{rng.choice(_EDE[sex])} {rng.choice(_CLANS)}"
    family = rng.choices(_FAMILY_NAMES, cum_weights=_FAMILY_WEIGHTS)[0]
    return " ".join(f"{family} {rng.choice(_MIDDLE[sex])} {rng.choice(_GIVEN[sex])}".split())


_TOWN = ("thị xã Gia Nghĩa", ("phường Nghĩa Đức", "phường Nghĩa Tân", "phường Nghĩa Trung", "xã Đắk Nia"))
_PLACES: dict[str, tuple[str, tuple[str, ...]]] = {
    "VPT": _TOWN,
    "GNG": _TOWN,
    "DGL": ("huyện Đắk Glong", ("xã Quảng Khê", "xã Đắk Ha", "xã Quảng Sơn", "xã Đắk Som", "xã Đắk R'măng")),
    "CJT": (
        "huyện Cư Jút",
        ("thị trấn Ea T'ling", "xã Nam Dong", "xã Đắk Wil", "xã Tâm Thắng", "xã Cư Knia"),
    ),
    "DML": (
        "huyện Đắk Mil",
        ("thị trấn Đắk Mil", "xã Đức Mạnh", "xã Đắk Lao", "xã Thuận An", "xã Đắk N'Drót"),
    ),
    "KNO": (
        "huyện Krông Nô",
        ("thị trấn Đắk Mâm", "xã Nam Đà", "xã Nâm N'Đir", "xã Buôn Choáh", "xã Đắk Sôr"),
    ),
    "DSG": ("huyện Đắk Song", ("thị trấn Đức An", "xã Thuận Hạnh", "xã Nâm N'Jang", "xã Trường Xuân")),
    "DRL": (
        "huyện Đắk R'lấp",
        ("thị trấn Kiến Đức", "xã Nhân Cơ", "xã Quảng Tín", "xã Đạo Nghĩa", "xã Đắk Wer"),
    ),
    "TDC": ("huyện Tuy Đức", ("xã Đắk Buk So", "xã Quảng Trực", "xã Quảng Tâm", "xã Đắk R'tíh")),
}


def address(rng: Random, office: str) -> str:
    """A thôn or bon, its commune and district; the places are real, nobody invented lives there."""
    district, communes = _PLACES[office]
    commune = rng.choice(communes)
    place = "Tổ dân phố" if commune.startswith(("phường", "thị trấn")) else rng.choice(("Thôn", "Bon"))
    return f"{place} {rng.randrange(1, 15)}, {commune}, {district}, tỉnh Đăk Nông"
