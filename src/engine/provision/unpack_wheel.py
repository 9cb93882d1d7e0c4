"""Unpacks the members of a wheel whose names start with one of some prefixes. zipfile checks each member's CRC and keeps it inside the folder;
programs stay executable.

Usage: unpack_wheel.py WHEEL FOLDER LIMIT_BYTES INCLUDED_PREFIXES EXCLUDED_PARTS (both comma-separated; an empty list takes all, or leaves out none)
"""

import os
import sys
import zipfile

wheel, folder, limit, included, excluded = sys.argv[1:6]
prefixes = tuple(filter(None, included.split(",")))
parts = tuple(filter(None, excluded.split(",")))
with zipfile.ZipFile(wheel) as archive:
    members = [
        member
        for member in archive.infolist()
        if (not prefixes or member.filename.startswith(prefixes)) and not any(part in member.filename for part in parts)
    ]
    total = sum(member.file_size for member in members)
    if total > int(limit):
        sys.exit(f"{wheel} would unpack to {total} bytes, more than the {limit} expected")
    for member in members:
        path = archive.extract(member, folder)
        if member.external_attr >> 16 & 0o100 and not member.is_dir():
            os.chmod(path, 0o755)
