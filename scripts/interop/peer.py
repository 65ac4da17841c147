"""One peer with one neighbour over UDP, written from docs/protocol.md: handshake, association, transfers."""

import os
import select
import socket
import struct
import time

from cryptography.exceptions import InvalidTag
from noise.exceptions import NoiseInvalidMessage

import wire

# What `cryptography` and `noiseprotocol` raise for bytes that are not authentic.
NOT_AUTHENTIC = (InvalidTag, NoiseInvalidMessage, wire.Malformed, ValueError)
WINDOW = 64  # packets under way, at most
RESEND = 0.15  # seconds until what is not acknowledged goes again


class Neighbour:
    """Who the other side is."""

    def __init__(self, peer_id, exchange, address):
        self.id, self.exchange, self.address = peer_id, exchange, address


class Peer:
    """Section 3 to 7 with a single neighbour. `on_offer(manifest)`, `on_object(manifest, payload)` and
    `on_message(bytes)` are called as things arrive; `served` maps object identifiers to payloads."""

    def __init__(self, identity, neighbour, swarm, psk, address, demands_cookie=False):
        self.identity, self.neighbour, self.swarm, self.psk = identity, neighbour, swarm, psk
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.demands_cookie, self.cookie_secret = demands_cookie, os.urandom(32)
        self.suites = (1, 0)  # that are spoken, the preferred first
        self.answers = True  # whether initiations are looked at
        self.flood_count = 0  # forged initiations before each try without a cookie
        self.served = {}
        self.on_offer = self.on_object = self.on_message = lambda *_: None
        self.counts = dict.fromkeys(
            ("initiations", "responses", "cookies_given", "cookies_taken", "crossed", "probes_answered", "sessions",
             "aes_sessions", "records_taken", "credits_given", "credits_taken", "pushes_taken", "packets_in", "packets_out", "resent", "dropped", "bytes_in", "bytes_out"), 0)
        self.stamp = self.incarnation = time.time_ns()
        self.greatest_stamp = self.greatest_record = 0
        self.told_incarnation = None
        self.begun = self.cookie = None
        self.tries, self.next_try = 0, None
        self.closed = False
        self._forget()

    def _forget(self):
        self.current = self.previous = self.aside = None
        self.remote_incarnation = None
        self.number, self.sequence, self.expected, self.handle = 0, 0, 0, 0
        self.received, self.owes, self.outgoing, self.under_way = set(), False, [], {}
        self.waiting, self.inbound, self.serving = {}, {}, {}
        self.pushing, self.pushed = None, {}

    # Handshake -------------------------------------------------------------------------------------------------------

    def connect(self):
        """Sends an initiation, with a new ephemeral key, timestamp and index."""
        if not self.cookie:
            self.flood(self.flood_count)
        suite = self.suites[self.tries // 2 % len(self.suites)]
        noise = wire.noise_handshake(self.swarm, self.psk, self.identity, self.neighbour.exchange, suite=suite)
        self.stamp = max(self.stamp + 1, time.time_ns())
        message = bytes(noise.write_message(struct.pack("<QQ", self.stamp, self.incarnation)))
        index = struct.unpack("<I", os.urandom(4))[0]
        packet = wire.initiation(index, message, self.neighbour.exchange, self.cookie, suite)
        self.begun = (noise, index, packet[-32:-16], suite)
        self.counts["initiations"] += 1
        self.next_try = time.monotonic() + min(0.25 * 2 ** self.tries, 5)
        self.tries += 1
        self._send(packet, self.neighbour.address)

    def flood(self, count):
        """Forged initiations, whose first code anyone can make: puts the neighbour under load."""
        for _ in range(count):
            self._send(wire.seal_handshake(
                bytes([1, 0, 0, 0]) + os.urandom(116) + bytes(1048), self.neighbour.exchange), self.neighbour.address)

    def _take_initiation(self, packet, address):
        if len(packet) < 1200 or not wire.has_code(packet, self.identity.exchange):
            raise wire.Malformed("initiation")
        if not self.answers:
            return None
        if self.demands_cookie:
            cookie = wire.MAC(self.cookie_secret, repr(address).encode())
            if wire.MAC(cookie, packet[:-16]) != packet[-16:]:
                self.counts["cookies_given"] += 1
                index = struct.unpack_from("<I", packet, 4)[0]
                reply = wire.cookie_reply(index, os.urandom(24), cookie, packet[-32:-16], self.identity.exchange)
                return self._send(reply, address)
        remote_index = struct.unpack_from("<I", packet, 4)[0]
        suite = packet[1]
        if suite not in self.suites:
            raise wire.Malformed("a suite that is not spoken here")
        noise = wire.noise_handshake(self.swarm, self.psk, self.identity, suite=suite)
        stamp, incarnation = struct.unpack("<QQ", noise.read_message(packet[8:120]))
        if noise.noise_protocol.handshake_state.rs.public_bytes != self.neighbour.exchange:
            raise wire.Malformed("not on the allow list")
        if stamp <= self.greatest_stamp:
            raise wire.Malformed("not newer")
        self.greatest_stamp = stamp
        if self.begun and self.tries <= 2 and self.identity.id < self.neighbour.id:
            self.counts["crossed"] += 1
            return None
        if self.begun:
            self.next_try = time.monotonic() + 1
        message = bytes(noise.write_message(struct.pack("<Q", self.incarnation)))
        index = struct.unpack("<I", os.urandom(4))[0]
        self.aside = (wire.session_of(noise, index, remote_index, suite), incarnation)
        self.counts["responses"] += 1
        self._send(wire.response(index, remote_index, message, self.neighbour.exchange), address)

    def _take_response(self, packet):
        remote_index, index = struct.unpack_from("<II", packet, 4)
        if len(packet) != 100 or not wire.has_code(packet, self.identity.exchange) \
                or not self.begun or index != self.begun[1]:
            raise wire.Malformed("response")
        noise, suite = self.begun[0], self.begun[3]
        self.begun = None  # the library's state is spent, whatever comes of it
        incarnation = struct.unpack("<Q", noise.read_message(packet[12:68]))[0]
        self._adopt(wire.session_of(noise, index, remote_index, suite), incarnation)
        self.outgoing.append(bytes([wire.PING]))

    def _adopt(self, session, incarnation):
        self.counts["sessions"] += 1
        self.counts["aes_sessions"] += session.suite == 1
        old = self.current
        if incarnation != self.remote_incarnation:
            self._forget()
            old = None
        self.previous, self.current, self.remote_incarnation = old, session, incarnation
        self.begun = self.next_try = None
        self.tries = 0
        if incarnation != self.told_incarnation:
            self.told_incarnation = incarnation
            self.stamp = max(self.stamp + 1, time.time_ns())
            self._control(wire.RECORD, wire.peer_record(
                self.identity, self.swarm, self.stamp, 604_800, [self.socket.getsockname()]))

    # Packets ---------------------------------------------------------------------------------------------------------

    def _send(self, packet, address):
        self.counts["bytes_out"] += len(packet)
        self.socket.sendto(packet, address)

    def _take(self, packet, address):
        self.counts["bytes_in"] += len(packet)
        kind = packet[0] if packet else 0
        if kind == wire.INITIATION:
            self._take_initiation(packet, address)
        elif kind == wire.RESPONSE:
            self._take_response(packet)
        elif kind == wire.COOKIE:
            if not self.begun or struct.unpack_from("<I", packet, 4)[0] != self.begun[1]:
                raise wire.Malformed("a cookie that was not asked for")
            self.cookie = wire.open_cookie(packet, self.begun[2], self.neighbour.exchange)
            self.counts["cookies_taken"] += 1
        elif kind == wire.DATA and len(packet) >= 32:
            self._take_data(packet, address)
        else:
            raise wire.Malformed("no packet")

    def _take_data(self, packet, address):
        index = struct.unpack_from("<I", packet, 4)[0]
        if self.aside and self.aside[0].local_index == index:
            number, frames = self.aside[0].open(packet)
            session, incarnation = self.aside
            self.aside = None
            self._adopt(session, incarnation)
        else:
            session = next((s for s in (self.current, self.previous) if s and s.local_index == index), None)
            if session is None:
                raise wire.Malformed("no such session")
            number, frames = session.open(packet)
        if number in self.received or (self.received and number <= max(self.received) - 16_384):
            raise wire.Malformed("replayed")
        self.received.add(number)
        self.counts["packets_in"] += 1
        for frame in wire.frames_of(frames):
            self._take_frame(address, *frame)

    def _take_frame(self, address, kind, *fields):
        self.owes = self.owes or kind not in (wire.ACK, wire.CLOSE)
        if kind == wire.PING:
            self.counts["probes_answered"] += 1
        elif kind == wire.ACK:
            for low, high in fields[0]:
                if high >= self.number:
                    raise wire.Malformed("acknowledges what was never sent")
                for number in [n for n in self.under_way if low <= n <= high]:
                    del self.under_way[number]
        elif kind == wire.CLOSE:
            self.closed = True
        elif kind == wire.PATH_CHALLENGE:
            self._answer_challenge(fields[0], address)
        elif kind == wire.PATH_RESPONSE:
            pass  # this peer never asks
        elif kind == wire.CHUNK:
            self._take_chunk(*fields)
        else:
            sequence, body = fields
            if sequence >= self.expected + 256:
                raise wire.Malformed("too far ahead")
            if sequence >= self.expected:
                self.waiting[sequence] = (kind, body)
            while self.expected in self.waiting:
                kind, body = self.waiting.pop(self.expected)
                self.expected += 1
                self._take_control(kind, body)

    def _answer_challenge(self, challenge, address):
        """The answer goes to where the challenge came from."""
        number, self.number = self.number, self.number + 1
        self._send(self.current.seal(number, bytes([wire.PATH_RESPONSE]) + challenge), address)

    def _take_control(self, kind, body):
        if kind == wire.MESSAGE:
            self.on_message(body)
        elif kind == wire.OFFER:
            self.on_offer(self._manifest(body))
        elif kind == wire.PUSH:
            self._take_push(body)
        elif kind == wire.WANT:
            handle, object_id, ranges = wire.read_want(body)
            if object_id not in self.served:
                return self._control(wire.CANCEL, struct.pack("<IB", handle, 1))
            chunks, listed = self.served[object_id]
            self.serving[handle] = (chunks, wire.runs_of(ranges, len(chunks), listed))
            self._serve(handle, wire.CREDIT_CHUNKS)
        elif kind == wire.CREDIT:
            self.counts["credits_taken"] += 1
            self._serve(*wire.read_credit(body))
        elif kind == wire.CANCEL:
            handle = struct.unpack("<IB", body)[0]
            self.inbound.pop(handle, None)
            self.serving.pop(handle, None)
        elif kind == wire.RECORD:
            self._take_record(body)

    def _manifest(self, signed):
        manifest = wire.Manifest.read(signed)
        if manifest.swarm != self.swarm or manifest.origin != self.neighbour.id:
            raise wire.Malformed("an offer of a stranger")
        return manifest

    def _take_push(self, body):
        begun, self.pushing = self.pushing, None
        reader = wire.Reader(body)
        if reader.unpack("<B")[0]:
            manifest = self._manifest(reader.take(reader.unpack("<H")[0]))
            payload = reader.take(len(body) - reader.position)
        elif begun is None:
            raise wire.Malformed("a piece of nothing")
        else:
            manifest, payload = begun[0], begun[1] + body[1:]
        if len(payload) > manifest.byte_count or not 0 < manifest.byte_count <= wire.PUSH_LIMIT:
            raise wire.Malformed("more than the manifest says")
        if len(payload) < manifest.byte_count:
            self.pushing = manifest, payload
            return
        if wire.root_of(wire.leaf_hashes(payload), len(payload)) == manifest.root:
            self.counts["pushes_taken"] += 1
            self.pushed = dict(list(self.pushed.items())[-3:]) | {manifest.id: payload}
        self.on_offer(manifest)

    def _serve(self, handle, credit):
        """Sends the next runs of what was asked for under the handle, as far as the credit goes."""
        if handle not in self.serving:
            return
        chunks, runs = self.serving[handle]
        for first, stop in runs:
            self.outgoing.append(wire.chunk_frame(handle, first, b"".join(chunks[first:stop])))
            credit -= stop - first
            if credit < wire.RUN:
                break

    def _take_record(self, body):
        peer_id, exchange, stamp, end, addresses = wire.read_record(body, self.swarm)
        if (peer_id, exchange) != (self.neighbour.id, self.neighbour.exchange) or end < time.time_ns():
            raise wire.Malformed("a record of a stranger, or an old one")
        if stamp > self.greatest_record:
            self.greatest_record = stamp
            self.counts["records_taken"] += 1
            self.neighbour.address = addresses[0]

    def _take_chunk(self, handle, index, data):
        assembly = self.inbound.get(handle)
        if assembly is None or not assembly.add(index, data):
            return
        if assembly.credit_due():
            self.counts["credits_given"] += 1
            self._control(wire.CREDIT, struct.pack("<II", handle, wire.CREDIT_CHUNKS // 2))
        if not assembly.is_whole:
            return
        del self.inbound[handle]
        self.on_object(assembly.manifest, assembly.payload())

    # What the layer above asks for -----------------------------------------------------------------------------------

    def _control(self, kind, body):
        self.outgoing.append(wire.control(kind, self.sequence, body))
        self.sequence += 1

    def message(self, body):
        self._control(wire.MESSAGE, body)

    def offer(self, manifest, payload):
        self.served[manifest.id] = wire.chunks_of(payload)
        if not 0 < len(payload) <= wire.PUSH_LIMIT:
            return self._control(wire.OFFER, manifest.signed)
        for body in wire.push_bodies(manifest, payload):
            self._control(wire.PUSH, body)

    def fetch(self, manifest):
        if manifest.id in self.pushed:
            return self.on_object(manifest, self.pushed.pop(manifest.id))
        self.inbound[self.handle] = assembly = wire.Assembly(manifest)
        self._control(wire.WANT, wire.want_body(self.handle, manifest.id, assembly.missing()))
        self.handle += 1

    def close(self):
        """Goodbye, three times the same packet."""
        packet = self.current.seal(self.number, bytes([wire.CLOSE]))
        for _ in range(3):
            self._send(packet, self.neighbour.address)

    # The loop --------------------------------------------------------------------------------------------------------

    def step(self, patience=0.02):
        """Takes what arrives within `patience` seconds, then sends what is to be sent."""
        ready, _, _ = select.select([self.socket], [], [], patience)
        self.socket.setblocking(False)
        while ready:
            try:
                packet, address = self.socket.recvfrom(65_535)
            except (BlockingIOError, ConnectionError):
                break
            try:
                self._take(packet, address)
            except NOT_AUTHENTIC:
                self.counts["dropped"] += 1
        if self.next_try is not None and time.monotonic() >= self.next_try:
            self.connect()
        if self.current:
            self._flush()

    def _flush(self):
        now = time.monotonic()
        for number in [n for n, (sent, _) in self.under_way.items() if now - sent > RESEND]:
            self.outgoing[:0] = self.under_way.pop(number)[1]
            self.counts["resent"] += 1
        while self.outgoing and len(self.under_way) < WINDOW:
            frames, size = [], 600 if self.owes else 0
            while self.outgoing and size + len(self.outgoing[0]) <= 1168:
                size += len(self.outgoing[0])
                frames.append(self.outgoing.pop(0))
            if not frames and not self.owes:
                frames.append(self.outgoing.pop(0))
            self._packet(frames)
        if self.owes:
            self._packet([])

    def _packet(self, frames):
        start = wire.acknowledgement(self.received) if self.owes else b""
        self.owes = False
        number, self.number = self.number, self.number + 1
        if frames:
            self.under_way[number] = (time.monotonic(), frames)
        self.counts["packets_out"] += 1
        self._send(self.current.seal(number, start + b"".join(frames)), self.neighbour.address)
