"""Layouts and primitives of docs/protocol.md, version 1, as a second implementation: section numbers are the page's."""

import hashlib
import ipaddress
import struct

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from noise.connection import Keypair, NoiseConnection

INITIATION, RESPONSE, COOKIE, DATA = 1, 2, 3, 4
PADDING, PING, ACK, CLOSE, MESSAGE, OFFER, WANT, CANCEL, CHUNK = range(9)
EVIDENCE, REVOCATION, PATH_CHALLENGE, PATH_RESPONSE, MARKED_ACK, RECORD, CREDIT, PUSH = range(9, 17)
LEAF, CHUNK_BYTES, STATUS_LIMIT, PAYLOAD_LIMIT = 65_536, 128, 512, 1 << 30
CREDIT_CHUNKS = 262_144  # that a WANT brings credit for
PUSH_LIMIT, PUSH_BODY = 16_384, 1100  # bytes of a pushed payload, of a PUSH frame's body
RUN = 9  # chunks that a packet of 1200 bytes carries
# By the suite's number: the Noise protocol's name, the cipher, the layout of its counter.
SUITES = (
    (b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2b", ChaCha20Poly1305, "<Q"),
    (b"Noise_IKpsk2_25519_AESGCM_BLAKE2b", AESGCM, ">Q"),
)


class Malformed(Exception):
    """Bytes that do not keep to the page."""


def H(person, message):
    """The page's H: BLAKE2b-256 with a personalisation."""
    return hashlib.blake2b(message, digest_size=32, person=person.encode()).digest()


def MAC(key, message):
    """The page's MAC: keyed BLAKE2b with 16 bytes of output."""
    return hashlib.blake2b(message, digest_size=16, key=key).digest()


def raw_public(key):
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


# 1. Identities, swarm ------------------------------------------------------------------------------------------------

class Identity:
    """A peer's two secret keys."""

    def __init__(self, signing_seed, exchange_secret):
        self.signing = Ed25519PrivateKey.from_private_bytes(signing_seed)
        self.exchange_secret = exchange_secret
        self.id = raw_public(self.signing)
        self.exchange = raw_public(X25519PrivateKey.from_private_bytes(exchange_secret))


def swarm_identifier(name, seed):
    return H("murmur-swarm", name.encode() + struct.pack("<Q", seed))


def pre_shared_key(name, seed, secret=None):
    if secret is not None:
        return H("murmur-psk", secret)
    return H("murmur-open-psk", name.encode() + struct.pack("<Q", seed))


# 2. Datagrams --------------------------------------------------------------------------------------------------------

def code_key(exchange_key):
    return H("murmur-mac1", exchange_key)


def seal_handshake(body, key, cookie=None):
    """Appends the two codes."""
    coded = body + MAC(code_key(key), body)
    return coded + (MAC(cookie, coded) if cookie else bytes(16))


def has_code(packet, key):
    return len(packet) > 32 and MAC(code_key(key), packet[:-32]) == packet[-32:-16]


def initiation(sender_index, noise_message, responder_key, cookie=None, suite=0):
    body = bytes([INITIATION, suite, 0, 0]) + struct.pack("<I", sender_index) + noise_message
    return seal_handshake(body + bytes(1200 - 32 - len(body)), responder_key, cookie)


def response(sender_index, receiver_index, noise_message, initiator_key):
    body = bytes([RESPONSE, 0, 0, 0]) + struct.pack("<II", sender_index, receiver_index) + noise_message
    return seal_handshake(body, initiator_key)


def cookie_cipher(responder_key, nonce):
    key = hashlib.blake2b(nonce, digest_size=32, key=H("murmur-cookie", responder_key)).digest()
    return ChaCha20Poly1305(key)


def cookie_reply(receiver_index, nonce, cookie, first_code, responder_key):
    sealed = cookie_cipher(responder_key, nonce).encrypt(bytes(12), cookie, first_code)
    return bytes([COOKIE, 0, 0, 0]) + struct.pack("<I", receiver_index) + nonce + sealed


def open_cookie(packet, first_code, responder_key):
    """The 16 bytes of the cookie; `InvalidTag` for anything else."""
    if len(packet) != 64:
        raise Malformed("a cookie packet has 64 bytes")
    return cookie_cipher(responder_key, packet[8:32]).decrypt(bytes(12), packet[32:], first_code)


class Session:
    """The two keys of a handshake, and the indices."""

    def __init__(self, local_index, remote_index, send_key, receive_key, suite=0):
        self.local_index, self.remote_index, self.suite = local_index, remote_index, suite
        _, cipher, self.counter = SUITES[suite]
        self.send, self.receive = cipher(send_key), cipher(receive_key)

    def seal(self, number, frames):
        header = bytes([DATA, 0, 0, 0]) + struct.pack("<IQ", self.remote_index, number)
        return header + self.send.encrypt(bytes(4) + struct.pack(self.counter, number), frames, header)

    def open(self, packet):
        """Packet number and frames; `InvalidTag` for anything else."""
        number = struct.unpack_from("<Q", packet, 8)[0]
        return number, self.receive.decrypt(bytes(4) + struct.pack(self.counter, number), packet[16:], packet[:16])


# 3. Handshake --------------------------------------------------------------------------------------------------------

def noise_handshake(swarm, psk, identity, remote_key=None, ephemeral=None, suite=0):
    """A handshake as initiator (with the responder's key) or as responder."""
    noise = NoiseConnection.from_name(SUITES[suite][0])
    noise.set_prologue(b"murmuration/1" + swarm)
    noise.set_psks(psk)
    noise.set_keypair_from_private_bytes(Keypair.STATIC, identity.exchange_secret)
    if ephemeral is not None:
        noise.set_keypair_from_private_bytes(Keypair.EPHEMERAL, ephemeral)
    if remote_key is None:
        noise.set_as_responder()
    else:
        noise.set_keypair_from_public_bytes(Keypair.REMOTE_STATIC, remote_key)
        noise.set_as_initiator()
    noise.start_handshake()
    return noise


def session_of(noise, local_index, remote_index, suite=0):
    protocol = noise.noise_protocol
    return Session(
        local_index, remote_index, bytes(protocol.cipher_state_encrypt.k), bytes(protocol.cipher_state_decrypt.k),
        suite)


# 5. Frames -----------------------------------------------------------------------------------------------------------

def control(kind, sequence, body):
    return struct.pack("<BQH", kind, sequence, len(body)) + body


def want_body(handle, object_id, ranges):
    body = struct.pack("<I", handle) + object_id + bytes([len(ranges)])
    return body + b"".join(struct.pack("<II", first, count) for first, count in ranges)


def chunk_frame(handle, index, data):
    return struct.pack("<BIIH", CHUNK, handle, index, len(data)) + data


def push_bodies(manifest, payload):
    """The bodies of the PUSH frames of a small object."""
    left = struct.pack("<H", len(manifest.signed)) + manifest.signed + payload
    starts = range(0, len(left), PUSH_BODY - 1)
    return [bytes([start == 0]) + left[start:start + PUSH_BODY - 1] for start in starts]


def acknowledgement(received, delay_us=0):
    """An ACK of a set of numbers, its 32 greatest ranges."""
    ranges = []
    for number in sorted(received, reverse=True):
        if ranges and ranges[-1][0] == number + 1:
            ranges[-1][0] = number
        elif len(ranges) == 32:
            break
        else:
            ranges.append([number, number])
    low, high = ranges[0]
    frame = struct.pack("<BQIBI", ACK, high, delay_us, len(ranges), high - low)
    for low_next, high_next in ranges[1:]:
        frame += struct.pack("<II", low - high_next - 2, high_next - low_next)
        low = low_next
    return frame


class Reader:
    """Reads from front to back; what is not there is `Malformed`."""

    def __init__(self, data):
        self.data, self.position = data, 0

    def take(self, count):
        if self.position + count > len(self.data):
            raise Malformed("the bytes end too early")
        self.position += count
        return self.data[self.position - count:self.position]

    def unpack(self, layout):
        return struct.unpack(layout, self.take(struct.calcsize(layout)))

    @property
    def at_end(self):
        return self.position == len(self.data)


def frames_of(data):
    """The frames of a packet, as tuples that begin with the type."""
    reader = Reader(data)
    while not reader.at_end:
        kind = reader.take(1)[0]
        if kind in (PING, CLOSE):
            yield (kind,)
        elif kind in (ACK, MARKED_ACK):
            ranges = read_ranges(reader)
            if kind == MARKED_ACK:
                reader.take(4)  # this peer has no window that could shrink
            yield ACK, ranges
        elif kind in (MESSAGE, OFFER, WANT, CANCEL, EVIDENCE, REVOCATION, RECORD, CREDIT, PUSH):
            sequence, count = reader.unpack("<QH")
            yield kind, sequence, reader.take(count)
        elif kind in (PATH_CHALLENGE, PATH_RESPONSE):
            yield kind, reader.take(8)
        elif kind == CHUNK:
            handle, index, count = reader.unpack("<IIH")
            yield kind, handle, index, reader.take(count)
        elif kind != PADDING:
            raise Malformed(f"there is no frame of type {kind}")


def read_ranges(reader):
    high, _, count, length = reader.unpack("<QIBI")
    if not 1 <= count <= 64 or length > high:
        raise Malformed("ranges")
    ranges = [(high - length, high)]
    for _ in range(count - 1):
        gap, length = reader.unpack("<II")
        high = ranges[-1][0] - gap - 2
        if high - length < 0:
            raise Malformed("ranges below zero")
        ranges.append((high - length, high))
    return ranges


def read_want(body):
    reader = Reader(body)
    handle, object_id, count = reader.unpack("<I32sB")
    if count > 64:
        raise Malformed("ranges")
    ranges = [reader.unpack("<II") for _ in range(count)]
    if not reader.at_end or any(length == 0 for _, length in ranges):
        raise Malformed("want")
    return handle, object_id, ranges


def read_credit(body):
    handle, chunks = Reader(body).unpack("<II")
    if len(body) != 8 or chunks == 0:
        raise Malformed("credit")
    return handle, chunks


# 7. Objects ----------------------------------------------------------------------------------------------------------

MANIFEST = struct.Struct("<B32s32sQQ32s32sHHQII32sH")
MANIFEST_FIELDS = ("version", "swarm", "origin", "round", "sequence", "base", "schema", "encoding", "flags", "samples",
                   "byte_count", "leaf_count", "root", "status_count")
SIGNATURE_DOMAIN = b"murmuration-manifest-v1\0"


def leaf_hashes(payload):
    return [H("murmur-leaf", payload[start:start + LEAF]) for start in range(0, len(payload), LEAF)]


def root_of(hashes, byte_count):
    level = list(hashes)
    while len(level) > 1:
        level = [H("murmur-node", b"".join(level[k:k + 2])) if k + 1 < len(level) else level[k]
                 for k in range(0, len(level), 2)]
    return H("murmur-root", struct.pack("<Q", byte_count) + b"".join(level))


class Manifest:
    """A signed manifest, made or read."""

    def __init__(self, fields, status, encoded, signature):
        self.__dict__.update(fields)
        self.status, self.encoded, self.signature = status, encoded, signature
        self.id = H("murmur-object", encoded)

    @classmethod
    def sign(cls, identity, payload, status=b"", **fields):
        fields = dict(fields, version=1, origin=identity.id, byte_count=len(payload),
                      leaf_count=-(-len(payload) // LEAF), root=root_of(leaf_hashes(payload), len(payload)),
                      status_count=len(status))
        encoded = MANIFEST.pack(*(fields[name] for name in MANIFEST_FIELDS)) + status
        return cls(fields, status, encoded, identity.signing.sign(SIGNATURE_DOMAIN + encoded))

    @classmethod
    def read(cls, data):
        encoded, signature = data[:-64], data[-64:]
        if len(encoded) < MANIFEST.size:
            raise Malformed("a manifest that ends too early")
        fields = dict(zip(MANIFEST_FIELDS, MANIFEST.unpack_from(encoded)))
        status = encoded[MANIFEST.size:]
        if fields["version"] != 1 or fields["byte_count"] > PAYLOAD_LIMIT or len(status) > STATUS_LIMIT \
                or fields["status_count"] != len(status) or fields["leaf_count"] != -(-fields["byte_count"] // LEAF):
            raise Malformed("a manifest beyond the limits")
        try:
            Ed25519PublicKey.from_public_bytes(fields["origin"]).verify(signature, SIGNATURE_DOMAIN + encoded)
        except InvalidSignature:
            raise Malformed("a manifest that its origin did not sign") from None
        return cls(fields, status, encoded, signature)

    @property
    def signed(self):
        return self.encoded + self.signature


def pieces(data):
    return [data[k:k + CHUNK_BYTES] for k in range(0, len(data), CHUNK_BYTES)]


def chunks_of(payload):
    """An object's chunks in the order of their numbers, those of the list of leaf hashes first, and how many these are."""
    listed = pieces(b"".join(leaf_hashes(payload)))
    return listed + pieces(payload), len(listed)


def runs_of(ranges, count, listed):
    """The ranges of a WANT cut into runs of at most nine chunks that lie on one side of the list's end."""
    for first, length in ranges:
        end = min(first + length, count)
        while first < end:
            stop = min(end, first + RUN, listed if first < listed else end)
            yield first, stop
            first = stop


class Assembly:
    """An object on its way in: chunk lengths are known from the manifest, leaves are checked as they fill."""

    def __init__(self, manifest):
        self.manifest = manifest
        listed = pieces(bytes(manifest.leaf_count * 32))
        self.lengths = [len(piece) for piece in listed + pieces(bytes(manifest.byte_count))]
        self.hash_chunks = len(listed)
        self.chunks = {}
        self.allowed = CREDIT_CHUNKS

    def add(self, index, data):
        """Whether the run of chunks from `index` on belongs to the object."""
        run = pieces(data)
        if [len(piece) for piece in run] != self.lengths[index:index + len(run)] or not run:
            return False
        if index < self.hash_chunks < index + len(run):
            return False
        for number, piece in enumerate(run, index):
            self.chunks.setdefault(number, piece)
        return True

    def credit_due(self):
        """Whether half of the credit is used up; then the other side is given as much again."""
        if len(self.lengths) <= self.allowed or len(self.chunks) < self.allowed - CREDIT_CHUNKS // 2:
            return False
        self.allowed += CREDIT_CHUNKS // 2
        return True

    @property
    def is_whole(self):
        return len(self.chunks) == len(self.lengths)

    def missing(self):
        """The first 64 ranges that are missing."""
        ranges = []
        for index in range(len(self.lengths)):
            if index in self.chunks:
                continue
            if ranges and sum(ranges[-1]) == index:
                ranges[-1][1] += 1
            elif len(ranges) == 64:
                break
            else:
                ranges.append([index, 1])
        return ranges

    def payload(self):
        """The payload, checked against list, root and manifest; `Malformed` if the sender served something else."""
        parts = [self.chunks[index] for index in range(len(self.lengths))]
        listed = b"".join(parts[:self.hash_chunks])
        payload = b"".join(parts[self.hash_chunks:])
        hashes = [listed[k:k + 32] for k in range(0, len(listed), 32)]
        if root_of(hashes, len(payload)) != self.manifest.root or hashes != leaf_hashes(payload):
            raise Malformed("the bytes are not the manifest's")
        return payload


# 8. Proofs -----------------------------------------------------------------------------------------------------------

def proof(one, other):
    """The equivocation proof of two manifests."""
    first, second = sorted((one, other), key=lambda manifest: manifest.id)
    return struct.pack("<H", len(first.signed)) + first.signed + second.signed


def revocation(identity, swarm):
    """A peer's revocation of its own keys."""
    layout = bytes([1]) + swarm + identity.id
    return layout + identity.signing.sign(b"murmuration-revocation-v1\0" + layout)


# 8. Peer records -----------------------------------------------------------------------------------------------------

RECORD_DOMAIN = b"murmuration-peer-record-v1\0"
LIFE_LIMIT, ADDRESS_LIMIT = 2_592_000, 4


def peer_record(identity, swarm, stamp, seconds, addresses):
    """A peer's signed word where it listens: pairs of a numeric host and a port."""
    layout = bytes([1]) + swarm + identity.id + identity.exchange + struct.pack("<QIB", stamp, seconds, len(addresses))
    for host, port in addresses:
        layout += struct.pack("<HB", port, len(host)) + host.encode()
    return layout + identity.signing.sign(RECORD_DOMAIN + layout)


def read_record(body, swarm):
    """Identity, exchange key, timestamp, end and addresses of a record; `Malformed` for anything else."""
    layout, signature = body[:-64], body[-64:]
    reader = Reader(layout)
    version, of_swarm, peer_id, exchange, stamp, seconds, count = reader.unpack("<B32s32s32sQIB")
    if version != 1 or of_swarm != swarm or seconds > LIFE_LIMIT or not 1 <= count <= ADDRESS_LIMIT:
        raise Malformed("record")
    addresses = []
    for _ in range(count):
        port, length = reader.unpack("<HB")
        host = reader.take(length).decode("ascii")
        if port == 0 or str(ipaddress.ip_address(host)) != host:
            raise Malformed("an address in another form")
        addresses.append((host, port))
    if not reader.at_end:
        raise Malformed("record")
    try:
        Ed25519PublicKey.from_public_bytes(peer_id).verify(signature, RECORD_DOMAIN + layout)
    except InvalidSignature:
        raise Malformed("a record that its peer did not sign") from None
    return peer_id, exchange, stamp, stamp + seconds * 10**9, addresses
