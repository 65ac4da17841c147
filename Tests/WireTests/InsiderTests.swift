import Basics
import Cryptography
import Testing
import Wire

@Suite("A member of the swarm that lies")
struct InsiderTests {
    /// A rig whose peer 0 is replaced by a handmade one, in session with peer 1.
    func insider(seed: UInt64) throws -> (MeshRig, HandmadePeer) {
        var rig = try MeshRig(seed: seed)
        var insider = HandmadePeer(
            keys: rig.keys[0], remoteExchangeKey: rig.keys[1].exchange.publicKey,
            swarmIdentifier: rig.swarm.identifier,
            preSharedKey: Digest.blake2b256(Array("a secret".utf8), personalisation: "murmur-psk"),
            ephemeral: try ExchangeKey.generate(using: &rig.generator))
        deliver(try insider.initiation(timestamp: 5, incarnation: 77), to: &rig)
        let response = try #require(answers(of: &rig).first)
        _ = try insider.take(response: response)
        deliver(insider.packet(frames: [1]), to: &rig)
        return (rig, insider)
    }

    func deliver(_ bytes: [UInt8], to rig: inout MeshRig) {
        rig.endpoints[1].receive(
            Datagram(address: MeshRig.address(0), bytes: bytes), at: rig.time, using: &rig.generator)
        while let event = rig.endpoints[1].pollEvent() { rig.events[1].append(event) }
    }

    func answers(of rig: inout MeshRig) -> [[UInt8]] {
        var packets: [[UInt8]] = []
        while let datagram = rig.endpoints[1].pollTransmit(at: rig.time, using: &rig.generator) {
            packets.append(datagram.bytes)
        }
        return packets
    }

    @Test("A second implementation, written from the page, speaks with ours")
    func handmadePeer() throws {
        var (rig, insider) = try insider(seed: 1)
        #expect(rig.events[1] == [.connected(rig.id(0))])
        deliver(insider.packet(frames: HandmadePeer.control(4, sequence: 0, body: [9, 8])), to: &rig)
        #expect(rig.events[1].last == .message(from: rig.id(0), [9, 8]))
        let acknowledgement = try insider.frames(of: try #require(answers(of: &rig).last))
        // Type, greatest number 1, delay 0, one range of two.
        #expect(acknowledgement == [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0])

        // An object, in one chunk of hashes and one of payload.
        let payload: [UInt8] = [5, 6, 7]
        let manifest = rig.manifest(by: 0, payload: payload)
        deliver(insider.packet(frames: HandmadePeer.control(5, sequence: 1, body: manifest.encoded)), to: &rig)
        #expect(rig.events[1].last == .announced(from: rig.id(0), manifest))
        rig.endpoints[1].request(manifest.id, from: rig.id(0), at: rig.time)
        let want = try insider.frames(of: try #require(answers(of: &rig).last))
        let body = HandmadePeer.little(0 as UInt32) + manifest.id.bytes + [1] + HandmadePeer.little(UInt64(2) << 32)
        #expect(Array(want.suffix(56)) == HandmadePeer.control(6, sequence: 0, body: body))
        let hash = Digest.blake2b256(payload, personalisation: "murmur-leaf")
        let first: [UInt8] = [8, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0] + hash
        let second: [UInt8] = [8, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0] + payload
        deliver(insider.packet(frames: second + first), to: &rig)
        #expect(rig.events[1].last == .received(from: rig.id(0), manifest, payload: payload))
        deliver(insider.packet(frames: [3]), to: &rig)
        #expect(rig.events[1].last == .disconnected(rig.id(0), .closed))
    }

    @Test("Offers that are not right are dropped")
    func badOffers() throws {
        var (rig, insider) = try insider(seed: 2)
        var stranger = SeededGenerator(seed: 99)
        let strange = try SigningKey.generate(using: &stranger)
        var other = rig.manifest(by: 0, payload: [1]).manifest
        other.swarm[0] ^= 1
        var foreign = rig.manifest(by: 0, payload: [1]).manifest
        foreign = ContributionManifest(
            swarm: foreign.swarm, origin: PeerID(bytes: strange.publicKey)!, round: 1, sequence: 1,
            baseModelDigest: foreign.baseModelDigest, schemaDigest: foreign.schemaDigest, encoding: 0, sampleCount: 1,
            payload: [1])
        var forged = rig.manifest(by: 0, payload: [1]).encoded
        forged[forged.count - 1] ^= 1
        let offers = [
            SignedManifest(other, signedWith: rig.keys[0].signing).encoded,
            SignedManifest(foreign, signedWith: strange).encoded, forged, [], [1, 2, 3],
        ]
        for (sequence, offer) in offers.enumerated() {
            deliver(
                insider.packet(frames: HandmadePeer.control(5, sequence: UInt64(sequence), body: offer)), to: &rig)
        }
        #expect(rig.events[1] == [.connected(rig.id(0))])
        #expect(rig.endpoints[1].statistics.dropped[.badManifest] == 5)
    }

    @Test("Frames that break the rules do nothing")
    func badFrames() throws {
        var (rig, insider) = try insider(seed: 3)
        let bad: [[UInt8]] = [
            [99], [2], [2] + Array(repeating: 255, count: 20),
            // Acknowledges packets that were never sent.
            [2] + HandmadePeer.little(1000 as UInt64) + [0, 0, 0, 0, 1, 0, 0, 0, 0],
            // Ranges below zero.
            [2] + HandmadePeer.little(0 as UInt64) + [0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            // Too far ahead; too long; empty range; trailing bytes.
            HandmadePeer.control(4, sequence: 256, body: [1]),
            HandmadePeer.control(4, sequence: 0, body: Array(repeating: 0, count: 1001)),
            HandmadePeer.control(
                6, sequence: 0, body: Array(repeating: 0, count: 36) + [1] + Array(repeating: 0, count: 8)),
            HandmadePeer.control(7, sequence: 0, body: [0, 0, 0, 0, 0, 0]),
            HandmadePeer.control(7, sequence: 0, body: [0, 0, 0, 0, 9]),
        ]
        for frames in bad { deliver(insider.packet(frames: frames), to: &rig) }
        #expect(rig.events[1] == [.connected(rig.id(0))])
        #expect(rig.endpoints[1].statistics.dropped[.badFrame] == 10)
        deliver(insider.packet(frames: HandmadePeer.control(4, sequence: 0, body: [1])), to: &rig)
        #expect(rig.events[1].last == .message(from: rig.id(0), [1]))
    }

    @Test("A hundred thousand packets of mutated frames under a true key: no trap, and bounded answers")
    func frameFuzz() throws {
        var (rig, insider) = try insider(seed: 4)
        let payload = rig.payload(byteCount: 200_000)
        let served = rig.endpoints[1].publish(rig.manifest(by: 1, payload: payload), payload: payload)
        let manifest = rig.manifest(by: 0, payload: payload)
        var bytesIn = 0
        var bytesOut = 0
        for round in 0..<100_000 {
            var frames: [UInt8] = []
            for _ in 0..<Int.random(in: 1...3, using: &rig.generator) {
                frames += frame(round: round, served: served, manifest: manifest, using: &rig.generator)
            }
            if rig.generator.uniform() < 0.6 { mutate(&frames, using: &rig.generator) }
            // A goodbye would end the test early.
            let packet = insider.packet(frames: Array(frames.prefix(1168)))
            bytesIn += packet.count
            deliver(packet, to: &rig)
            if round % 50 == 0 {
                rig.endpoints[1].request(manifest.id, from: rig.id(0), at: rig.time)
                rig.time = rig.time + .milliseconds(Int64.random(in: 0...40, using: &rig.generator))
                rig.endpoints[1].handleTimeout(at: rig.time, using: &rig.generator)
            }
            bytesOut += answers(of: &rig).reduce(0) { $0 + $1.count }
            if !rig.events[1].isEmpty, case .disconnected = rig.events[1].last! {
                rig.events[1] = []
                (rig, insider) = try again(rig)
            }
        }
        #expect(bytesOut < 30 * bytesIn)
    }

    /// A new session of the insider with the same peer.
    private func again(_ old: MeshRig) throws -> (MeshRig, HandmadePeer) {
        var rig = old
        var insider = HandmadePeer(
            keys: rig.keys[0], remoteExchangeKey: rig.keys[1].exchange.publicKey,
            swarmIdentifier: rig.swarm.identifier,
            preSharedKey: Digest.blake2b256(Array("a secret".utf8), personalisation: "murmur-psk"),
            ephemeral: try ExchangeKey.generate(using: &rig.generator))
        rig.time = rig.time + .milliseconds(10)
        let stamp = UInt64(rig.time.nanoseconds)
        deliver(try insider.initiation(timestamp: stamp, incarnation: stamp), to: &rig)
        _ = try insider.take(response: try #require(answers(of: &rig).last { $0.count == 100 }))
        deliver(insider.packet(frames: [1]), to: &rig)
        return (rig, insider)
    }

    /// One frame, more or less sensible.
    private func frame(
        round: Int, served: ObjectID, manifest: SignedManifest, using generator: inout SeededGenerator
    ) -> [UInt8] {
        let sequence = UInt64(round / 3) + UInt64.random(in: 0...3, using: &generator)
        let handle = UInt32.random(in: 0...3, using: &generator)
        let small = UInt32.random(in: 0...300, using: &generator)
        switch Int.random(in: 0..<8, using: &generator) {
        case 0: return [1]
        case 1:
            let ranges: [UInt8] = generator.bytes(count: 8).map { $0 & 3 }
            let start: [UInt8] = [2] + HandmadePeer.little(UInt64(small))
            return start + [0, 0, 0, 0, 2, 1, 0, 0, 0] + ranges
        case 2: return HandmadePeer.control(4, sequence: sequence, body: generator.bytes(count: Int(small)))
        case 3: return HandmadePeer.control(5, sequence: sequence, body: manifest.encoded)
        case 4:
            let range = HandmadePeer.little(small) + HandmadePeer.little(UInt32(5))
            return HandmadePeer.control(
                6, sequence: sequence, body: HandmadePeer.little(handle) + served.bytes + [1] + range)
        case 5:
            return HandmadePeer.control(
                7, sequence: sequence, body: HandmadePeer.little(handle) + [UInt8(small % 3)])
        case 6:
            let start: [UInt8] = [8] + HandmadePeer.little(handle) + HandmadePeer.little(small)
            return start + HandmadePeer.little(UInt16(128)) + generator.bytes(count: 128)
        default: return [0, 0, 0]
        }
    }
}
