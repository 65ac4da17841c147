import Basics
import Cryptography
import TestSupport
import Testing
import Wire

@Suite("Manifests and objects")
struct ObjectTests {
    @Test func manifestRoundTrip() throws {
        let rig = try MeshRig()
        let signed = rig.manifest(by: 0, payload: rig.payload(byteCount: 200_000))
        #expect(try SignedManifest(encoded: signed.encoded) == signed)
        #expect(signed.manifest.leafCount == 4)
        #expect(try ContributionManifest(encoded: signed.manifest.encoded) == signed.manifest)
        #expect(signed.encoded.count == 199 + 3 + 64)
    }

    @Test func everyAlterationOfAManifestIsRefused() throws {
        let rig = try MeshRig()
        let bytes = rig.manifest(by: 0, payload: rig.payload(byteCount: 1000)).encoded
        for position in bytes.indices {
            var altered = bytes
            altered[position] ^= 4
            #expect(throws: ManifestError.self) { try SignedManifest(encoded: altered) }
        }
        for count in 0..<bytes.count {
            #expect(throws: ManifestError.self) { try SignedManifest(encoded: Array(bytes[..<count])) }
        }
        #expect(throws: ManifestError.self) { try SignedManifest(encoded: bytes + [0]) }
    }

    @Test("Trees of different shapes have different roots")
    func roots() throws {
        var generator = SeededGenerator(seed: 1)
        let payload = generator.bytes(count: 5 * 65_536)
        var roots: Set<[UInt8]> = []
        for count in [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000, 262_144, 327_680] {
            roots.insert(MerkleTree.root(of: Array(payload[..<count])))
        }
        #expect(roots.count == 9)
        var altered = payload
        altered[300_000] ^= 1
        #expect(MerkleTree.root(of: altered) != MerkleTree.root(of: payload))
        #expect(
            MerkleTree.root(leafHashes: MerkleTree.leafHashes(of: payload), byteCount: payload.count)
                == MerkleTree.root(of: payload))
    }

    /// A pair in which 1 knows a manifest of 0.
    func announced(_ payload: [UInt8], rig: inout MeshRig) throws -> ObjectID {
        try rig.connectPair()
        let object = rig.endpoints[0].publish(rig.manifest(by: 0, payload: payload), payload: payload)
        rig.endpoints[0].announce(object, to: rig.id(1), at: rig.time)
        rig.run(for: .seconds(1))
        return object
    }

    @Test("A payload that is hashed once is served as any other, over a manifest that says the same")
    func hashedOnce() throws {
        var rig = try MeshRig()
        try rig.connectPair()
        let bytes = rig.payload(byteCount: 200_001)
        let payload = HashedPayload(bytes)
        let signed = rig.manifest(by: 0, payload: bytes)
        var again = ContributionManifest(
            swarm: signed.manifest.swarm, origin: signed.manifest.origin, round: signed.manifest.round,
            sequence: signed.manifest.sequence, baseModelDigest: signed.manifest.baseModelDigest,
            schemaDigest: signed.manifest.schemaDigest, encoding: signed.manifest.encoding,
            sampleCount: signed.manifest.sampleCount, payload: payload)
        again.flags = signed.manifest.flags
        again.status = signed.manifest.status
        #expect(again == signed.manifest)
        let object = rig.endpoints[0].publish(signed, payload)
        rig.endpoints[0].announce(object, to: rig.id(1), at: rig.time)
        rig.run(for: .seconds(1))
        rig.endpoints[1].request(object, from: rig.id(0), at: rig.time)
        rig.run(for: .seconds(2))
        #expect(rig.events[1].contains(.received(from: rig.id(0), signed, payload: bytes)))
    }

    @Test func whatIsRetiredIsNotServed() throws {
        var rig = try MeshRig()
        let object = try announced(rig.payload(byteCount: 500_000), rig: &rig)
        rig.endpoints[0].retire(object)
        rig.endpoints[1].request(object, from: rig.id(0), at: rig.time)
        rig.run(for: .seconds(1))
        #expect(rig.events[1].last == .transferFailed(object, from: rig.id(0), .unavailable))
    }

    @Test func whatNobodyOfferedIsUnknown() throws {
        var rig = try MeshRig()
        try rig.connectPair()
        let object = ObjectID(bytes: Array(repeating: 5, count: 32))!
        rig.endpoints[1].request(object, from: rig.id(0), at: rig.time)
        rig.drain(1)
        #expect(rig.events[1].last == .transferFailed(object, from: rig.id(0), .unknownObject))
    }

    @Test func anOutageFailsTheTransfer() throws {
        var rig = try MeshRig()
        let object = try announced(rig.payload(byteCount: 5_000_000), rig: &rig)
        rig.endpoints[1].request(object, from: rig.id(0), at: rig.time)
        rig.run(for: .milliseconds(20))
        rig.conditions.loss = 1
        rig.run(for: .seconds(60))
        #expect(rig.events[1].contains(.transferFailed(object, from: rig.id(0), .disconnected)))
        #expect(rig.events[1].last == .disconnected(rig.id(0), .idle))
    }

    @Test func theLimitOnObjectsHolds() throws {
        var rig = try MeshRig()
        try rig.connectPair()
        var objects: [ObjectID] = []
        for sequence in 0..<9 {
            let payload = rig.payload(byteCount: 400_000, seed: UInt64(sequence))
            let manifest = rig.manifest(by: 0, payload: payload, sequence: UInt64(sequence))
            objects.append(rig.endpoints[0].publish(manifest, payload: payload))
            rig.endpoints[0].announce(objects[sequence], to: rig.id(1), at: rig.time)
        }
        rig.run(for: .seconds(1))
        for object in objects { rig.endpoints[1].request(object, from: rig.id(0), at: rig.time) }
        rig.run(for: .seconds(30))
        #expect(rig.events[1].contains(.transferFailed(objects[8], from: rig.id(0), .limitReached)))
        #expect(rig.events[1].compactMap(\.receivedPayload).count == 8)
    }

    @Test("A relay that serves other bytes is found out; the true bytes come from another peer")
    func relay() throws {
        var rig = try MeshRig(count: 3)
        let payload = rig.payload(byteCount: 300_000)
        let manifest = rig.manifest(by: 0, payload: payload)
        for peer in [0, 2] { rig.endpoints[1].connect(to: rig.id(peer), at: rig.time, using: &rig.generator) }
        rig.endpoints[2].connect(to: rig.id(0), at: rig.time, using: &rig.generator)
        let object = rig.endpoints[0].publish(manifest, payload: payload)
        rig.endpoints[0].announce(object, to: rig.id(1), at: rig.time)
        var altered = payload
        altered[70_000] ^= 1
        rig.endpoints[2].publish(manifest, payload: altered)
        rig.run(for: .seconds(1))
        rig.endpoints[1].request(object, from: rig.id(2), at: rig.time)
        rig.run(for: .seconds(5))
        #expect(rig.events[1].last == .transferFailed(object, from: rig.id(2), .corrupt))
        rig.endpoints[1].request(object, from: rig.id(0), at: rig.time)
        rig.run(for: .seconds(5))
        #expect(rig.events[1].last == .received(from: rig.id(0), manifest, payload: payload))
    }

    @Test("Eight peers exchange with all others; one seed, one transcript")
    func mesh() throws {
        func run(seed: UInt64) throws -> (UInt64, [[WireEvent]]) {
            var rig = try MeshRig(
                count: 8, seed: seed, conditions: NetworkConditions(jitter: .milliseconds(5), loss: 0.02))
            var objects: [ObjectID] = []
            for index in 0..<8 {
                let payload = rig.payload(byteCount: 70_000, seed: UInt64(index))
                objects.append(
                    rig.endpoints[index].publish(rig.manifest(by: index, payload: payload), payload: payload))
                for peer in 0..<8 where peer != index {
                    rig.endpoints[index].connect(to: rig.id(peer), at: rig.time, using: &rig.generator)
                    rig.endpoints[index].announce(objects[index], to: rig.id(peer), at: rig.time)
                }
            }
            rig.run(for: .seconds(3))
            for index in 0..<8 {
                for peer in 0..<8 where peer != index {
                    rig.endpoints[index].request(objects[peer], from: rig.id(peer), at: rig.time)
                }
            }
            rig.run(for: .seconds(60)) { rig in rig.events.allSatisfy { $0.count { $0.receivedPayload != nil } == 7 } }
            return (rig.network.digest, rig.events)
        }
        let (first, events) = try run(seed: 21)
        #expect(events.allSatisfy { $0.count { $0.receivedPayload != nil } == 7 })
        let (second, again) = try run(seed: 21)
        #expect(first == second)
        #expect(events == again)
        #expect(try run(seed: 22).0 != first)
    }
}
