"""How contributions hold their values: section 9 of docs/protocol.md, "Encodings". Numbers are those of single precision."""

import struct

SINGLE, BRAIN, BYTES, NIBBLES, DIFFERENCE = 1, 2, 3, 4, 5
BLOCK = 64


class Malformed(Exception):
    pass


def single(value):
    """The nearest number of single precision."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


def bits_of(value):
    return struct.unpack("<I", struct.pack("<f", value))[0]


def from_bits(bits):
    return struct.unpack("<f", struct.pack("<I", bits))[0]


def mark(values):
    """FNV-1a over the words of the values' bits."""
    digest = 0xcbf29ce484222325
    for word in struct.unpack(f"<{len(values)}I", whole(values)):
        digest = (digest ^ word) * 0x100000001b3 & 0xffffffffffffffff
    return digest


def whole(values):
    return struct.pack(f"<{len(values)}f", *values)


def brain_bytes(values):
    """To the nearest upper half, ties to even."""
    uppers = []
    for word in struct.unpack(f"<{len(values)}I", whole(values)):
        uppers.append((word + 0x7fff + (word >> 16 & 1)) >> 16)
    return struct.pack(f"<{len(uppers)}H", *uppers)


def blocks(data, counts, width):
    """The values of encodings 3 and 4; `counts` are the tensors' numbers of values."""
    values, place = [], 0
    for count in counts:
        while count > 0:
            length = min(BLOCK, count)
            step = from_bits(struct.unpack_from("<H", data, place)[0] << 16)
            place += 2
            for index in range(length):
                if width == 8:
                    integer = struct.unpack_from("<b", data, place + index)[0]
                else:
                    integer = (data[place + index // 2] >> 4 * (index % 2) & 15) - 8
                if abs(integer) > (127 if width == 8 else 7):
                    raise Malformed("an integer of a block")
                values.append(single(integer * step))
            place += length if width == 8 else (length + 1) // 2
            count -= length
    if place != len(data):
        raise Malformed("the length of the blocks")
    return values


class RangeDecoder:
    def __init__(self, data):
        self.data, self.place, self.code, self.range = data, 0, 0, 0xffffffff
        for _ in range(4):
            self.code = self.code << 8 | self._next()

    def _next(self):
        if self.place == len(self.data):
            raise Malformed("coded integers that end too soon")
        self.place += 1
        return self.data[self.place - 1]

    def _normalise(self):
        while self.range < 1 << 24:
            self.range = self.range << 8 & 0xffffffff
            self.code = (self.code << 8 | self._next()) & 0xffffffff

    def bit(self, models, index):
        bound = (self.range >> 11) * models[index]
        if self.code < bound:
            self.range, bit = bound, 0
            models[index] += (2048 - models[index]) >> 5
        else:
            self.code, self.range, bit = self.code - bound, self.range - bound, 1
            models[index] -= models[index] >> 5
        self._normalise()
        return bit

    def even(self):
        self.range >>= 1
        bit = int(self.code >= self.range)
        self.code -= self.range * bit
        self._normalise()
        return bit


def integers(data, count):
    decoder = RangeDecoder(data)
    zero, larger, longer = [1024] * 8, [[1024] * 14 for _ in range(8)], [1024] * 21
    first = second = 0
    result = []
    for _ in range(count):
        total = first + second
        context = next(place for place, limit in enumerate((1, 2, 3, 5, 8, 13, 24, 1000)) if total < limit)
        size = sign = 0
        if decoder.bit(zero, context):
            sign, size = decoder.even(), 1
            while size <= 14 and decoder.bit(larger[context], size - 1):
                size += 1
            if size == 15:
                length = 0
                while decoder.bit(longer, length):
                    length += 1
                    if length == 20:
                        raise Malformed("an integer that is too large")
                rest = 1
                for _ in range(length):
                    rest = rest << 1 | decoder.even()
                size = rest + 14
        first, second = min(size, 64), first
        result.append(-size if sign else size)
    if decoder.place != len(data):
        raise Malformed("bytes after the coded integers")
    return result


def difference(data, held):
    """The values that a difference leads to for one who holds `held`."""
    base, new, step = struct.unpack_from("<QQI", data)
    step = from_bits(step)
    if mark(held) != base:
        raise Malformed("the difference to something else")
    if step == 0:
        values = list(held)
    else:
        values = [single(value + single(integer * step))
                  for value, integer in zip(held, integers(data[20:], len(held)))]
    if mark(values) != new:
        raise Malformed("a difference that leads elsewhere")
    return values


def values_of(encoding, data, held=None, counts=None):
    if encoding == SINGLE:
        return list(struct.unpack(f"<{len(data) // 4}f", data))
    if encoding == BRAIN:
        return [from_bits(upper << 16) for upper in struct.unpack(f"<{len(data) // 2}H", data)]
    if encoding in (BYTES, NIBBLES):
        return blocks(data, counts, 8 if encoding == BYTES else 4)
    if encoding == DIFFERENCE:
        return difference(data, held)
    raise Malformed("an encoding that is not known")


GAIN_DOMAIN = b"murmuration-gain-v1\0"


def gain_row(identity, swarm, place, round, records, losses, givers):
    """The message that says what a peer gained: `losses` before, after its own steps, and mixed; `givers` are pairs of a
    place and a loss, ascending."""
    layout = struct.pack("<BBIII3fB", 4, 1, place, round, records, *losses, len(givers))
    layout += b"".join(struct.pack("<If", *giver) for giver in givers)
    return layout + identity.signing.sign(GAIN_DOMAIN + swarm + layout)
