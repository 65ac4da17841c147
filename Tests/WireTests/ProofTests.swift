import Basics
import Cryptography
import Testing
import Wire

@Suite("Proofs: equivocation and revocation")
struct ProofTests {
    /// Peers that are all in session with each other.
    func mesh(_ count: Int, seed: UInt64) throws -> MeshRig {
        var rig = try MeshRig(count: count, seed: seed)
        for index in 0..<count {
            for peer in 0..<count where peer != index {
                rig.endpoints[index].connect(to: rig.id(peer), at: rig.time, using: &rig.generator)
            }
        }
        let connected = rig.run(for: .seconds(30)) {
            $0.events.allSatisfy { $0.count { $0.connectedPeer != nil } == count - 1 }
        }
        try #require(connected)
        return rig
    }

    @Test("A two-faced peer is found out when two compare, and the proof reaches everyone")
    func equivocation() throws {
        var rig = try mesh(5, seed: 31)
        let faces = [10, 20].map { rig.manifest(by: 0, payload: rig.payload(byteCount: $0), sequence: 7) }
        for (face, victim) in zip(faces, [1, 2]) {
            rig.endpoints[0].publish(face, payload: rig.payload(byteCount: face.manifest.payloadByteCount))
            rig.endpoints[0].announce(face.id, to: rig.id(victim), at: rig.time)
        }
        rig.run(for: .seconds(1))
        #expect(rig.events.allSatisfy { $0.allSatisfy { $0.proof == nil } }, "nobody knows yet")
        rig.endpoints[1].testify(faces[0].encoded, to: rig.id(2))
        rig.run(for: .seconds(1))
        let proof = try #require(EquivocationProof(faces[1], faces[0]))
        for index in 1..<5 {
            #expect(rig.events[index].compactMap(\.proof) == [proof])
            #expect(rig.endpoints[index].isBarred(rig.id(0)))
        }
        // Nothing of it is taken any more, from whomever it comes; and the others go on.
        let later = rig.manifest(by: 0, payload: [1], sequence: 8)
        rig.endpoints[0].publish(later, payload: [1])
        rig.endpoints[3].publish(later, payload: [1])
        rig.endpoints[0].announce(later.id, to: rig.id(1), at: rig.time)
        rig.endpoints[3].announce(later.id, to: rig.id(1), at: rig.time)
        let honest = rig.manifest(by: 3, payload: [2], sequence: 1)
        rig.endpoints[3].publish(honest, payload: [2])
        rig.endpoints[3].announce(honest.id, to: rig.id(1), at: rig.time)
        rig.run(for: .seconds(1))
        #expect(rig.events[1].compactMap(\.announcedManifest) == [faces[0], honest])
    }

    @Test("Who comes later is told what is known")
    func latecomer() throws {
        var rig = try mesh(3, seed: 32)
        let faces = [1, 2].map { rig.manifest(by: 0, payload: [UInt8($0)], sequence: 3) }
        for face in faces { rig.endpoints[2].testify(face.encoded, to: rig.id(1)) }
        rig.run(for: .seconds(1))
        #expect(rig.events[1].compactMap(\.proof).count == 1)
        rig.endpoints[2] = rig.makeEndpoint(2, timestamp: 5_000_000_000_000)
        rig.events[2] = []
        rig.endpoints[2].connect(to: rig.id(1), at: rig.time, using: &rig.generator)
        rig.run(for: .seconds(3))
        #expect(rig.events[2].compactMap(\.proof).count == 1)
    }

    @Test("A proof convinces a third; what is none does not")
    func portable() throws {
        let rig = try MeshRig(seed: 33)
        let one = rig.manifest(by: 0, payload: [1], sequence: 4)
        let other = rig.manifest(by: 0, payload: [2], sequence: 4)
        let proof = try #require(EquivocationProof(one, other))
        #expect(try EquivocationProof(encoded: proof.encoded) == proof)
        #expect(EquivocationProof(other, one) == proof)
        #expect(EquivocationProof(one, one) == nil)
        #expect(EquivocationProof(one, rig.manifest(by: 0, payload: [2], sequence: 5)) == nil)
        #expect(EquivocationProof(one, rig.manifest(by: 1, payload: [2], sequence: 4)) == nil)
        for position in proof.encoded.indices {
            var altered = proof.encoded
            altered[position] ^= 1
            #expect(throws: ManifestError.self) { try EquivocationProof(encoded: altered) }
        }
    }

    @Test("Honest manifests of any number are no proof, and the ledger stays small")
    func honest() throws {
        var rig = try mesh(3, seed: 34)
        for sequence in 0..<300 as Range<UInt64> {
            let manifest = rig.manifest(by: 0, payload: [UInt8(sequence & 7)], sequence: sequence)
            rig.endpoints[0].testify(manifest.encoded, to: rig.id(1))
            rig.endpoints[2].testify(manifest.encoded, to: rig.id(1))
            rig.run(for: .milliseconds(30))
        }
        #expect(rig.events[1].allSatisfy { $0.proof == nil })
        #expect(!rig.endpoints[1].isBarred(rig.id(0)))
    }

    @Test("A revoked key is refused by everyone within one exchange, also after a restart")
    func revocation() throws {
        var rig = try mesh(4, seed: 35)
        let revocation = Revocation(of: rig.keys[0].signing, swarm: rig.swarm.identifier)
        #expect(Revocation(encoded: revocation.encoded) == revocation)
        let isTaken = rig.endpoints[3].revoke(revocation, at: rig.time)
        #expect(isTaken)
        rig.run(for: .milliseconds(100))
        for index in 1..<4 {
            #expect(rig.events[index].contains(.revoked(rig.id(0))))
            #expect(rig.events[index].contains(.disconnected(rig.id(0), .revoked)))
        }
        // Its handshakes get no answer, from a peer that is started anew neither.
        let memory = try #require(EndpointMemory(encoded: rig.endpoints[2].memory.encoded))
        #expect(memory == rig.endpoints[2].memory && memory.revocations == [revocation])
        rig.endpoints[2] = rig.makeEndpoint(2, timestamp: 6_000_000_000_000, memory: memory)
        rig.endpoints[0] = rig.makeEndpoint(0, timestamp: 6_000_000_000_000)
        rig.events = Array(repeating: [], count: 4)
        for peer in 1..<4 { rig.endpoints[0].connect(to: rig.id(peer), at: rig.time, using: &rig.generator) }
        rig.endpoints[2].connect(to: rig.id(0), at: rig.time, using: &rig.generator)
        rig.run(for: .seconds(30))
        #expect(rig.events[0].isEmpty)
        #expect(rig.events[2].allSatisfy { $0.connectedPeer != rig.id(0) })
    }

    @Test("A revocation that its peer did not sign, or of another swarm, is nothing")
    func badRevocations() throws {
        var rig = try mesh(3, seed: 36)
        let right = Revocation(of: rig.keys[0].signing, swarm: rig.swarm.identifier)
        for position in right.encoded.indices {
            var altered = right.encoded
            altered[position] ^= 1
            #expect(Revocation(encoded: altered) == nil)
        }
        let foreign = Revocation(of: rig.keys[0].signing, swarm: [1] + rig.swarm.identifier.dropFirst())
        let isTaken = rig.endpoints[1].revoke(foreign, at: rig.time)
        #expect(!isTaken)
        #expect(!rig.endpoints[1].isBarred(rig.id(0)))
        for count in 0..<right.encoded.count { #expect(Revocation(encoded: Array(right.encoded[..<count])) == nil) }
    }

    @Test("Every altered byte of a memory file is noticed")
    func memoryFile() throws {
        let rig = try MeshRig(seed: 37)
        let memory = EndpointMemory(
            stamps: [.init(peer: rig.id(0), timestamp: 9)],
            revocations: [Revocation(of: rig.keys[1].signing, swarm: rig.swarm.identifier)])
        let bytes = memory.encoded
        #expect(EndpointMemory(encoded: bytes) == memory)
        for position in bytes.indices {
            var altered = bytes
            altered[position] ^= 0x10
            #expect(EndpointMemory(encoded: altered) == nil)
        }
        // With a right digest, too, nothing traps.
        for count in 0..<(bytes.count - 32) {
            #expect(EndpointMemory(encoded: EndpointMemory.sealed(Array(bytes[..<count]))) == nil)
        }
    }
}

extension WireEvent {
    var proof: EquivocationProof? {
        if case .equivocated(let proof) = self { proof } else { nil }
    }

    var connectedPeer: PeerID? {
        if case .connected(let peer) = self { peer } else { nil }
    }
}
