import Basics
import Cryptography

@testable import Wire

extension FuzzTarget {
    /// Datagrams of strangers, some with codes that anyone can make. Nothing that comes out may be longer than what went in.
    static let packets = FuzzTarget(name: "packets", isFromNetwork: true) {
        let (_, initiation) = WireRig.begun
        let seeds: [[UInt8]] = [
            Cutter.framed(0, initiation), Cutter.framed(1, initiation), Cutter.framed(1, Array(initiation.prefix(120))),
            Cutter.framed(2, [2] + Array(repeating: 0, count: 99)),
            Cutter.framed(0, [3] + Array(repeating: 0, count: 63)),
            Cutter.framed(0, [4] + Array(repeating: 0, count: 40)),
        ]
        return seeds + [seeds.reduce([], +)]
    } run: { input in
        // Under load, so that no key agreement is made: those are for the handshake's target.
        var rig = WireRig.loaded
        var cutter = Cutter(input)
        let key = HandshakePacket.codeKey(for: rig.keys[1].exchange.publicKey)
        for _ in 0..<8 where !cutter.isEmpty {
            let kind = cutter.byte()
            var bytes = cutter.part(cutter.short())
            if kind & 3 != 0 {
                // With a right code: an initiation's length, or its own.
                if kind & 1 != 0, bytes.count < 1168 { bytes += Array(repeating: 0, count: 1168 - bytes.count) }
                bytes += Digest.code(bytes, count: bytes.count, key: key) + Array(repeating: 0, count: 16)
            }
            rig.deliver(bytes, from: kind & 4 != 0 ? WireRig.strange : WireRig.addresses[0])
            let answer = rig.drain()
            precondition(answer <= bytes.count, "an answer of \(answer) bytes to \(bytes.count)")
        }
    }

    /// Handshakes with the right keys and any payload, header and length: both sides.
    static let handshake = FuzzTarget(name: "handshake", isFromNetwork: true) {
        [Array(repeating: 0, count: 30), [1] + Array(repeating: 255, count: 30), [2] + Array(1...60)]
    } run: { input in
        var cutter = Cutter(input)
        let kind = cutter.byte()
        let payload = cutter.part(Int(kind >> 2) % 17)
        var rig = kind & 1 == 0 ? WireRig.connected : WireRig.begun.rig
        let ephemeral = try! ExchangeKey(secretBytes: Array(repeating: 9, count: 32))
        let key = HandshakePacket.codeKey(for: rig.keys[1].exchange.publicKey)
        let prologue = ProtocolEndpoint.prologue(swarm: rig.swarm)
        var packet: [UInt8]
        if kind & 1 == 0 {
            var noise = NoiseHandshake.Initiator(
                prologue: prologue, localStatic: rig.keys[0].exchange, ephemeral: ephemeral,
                remoteStatic: rig.keys[1].exchange.publicKey)
            packet = HandshakePacket.initiation(
                suite: .chaCha20Poly1305, senderIndex: 7, noise: try! noise.writeFirst(payload: payload),
                byteCount: 1200, codeKey: key,
                cookie: nil)
        } else {
            let initiation = WireRig.begun.initiation
            var noise = NoiseHandshake.Responder(prologue: prologue, localStatic: rig.keys[0].exchange)
            try! noise.readIdentity(Array(initiation[8..<120]))
            _ = try! noise.readPayload(Array(initiation[8..<120]))
            let message = try! noise.writeSecond(
                payload: payload, ephemeral: ephemeral, preSharedKey: rig.swarm.preSharedKey)
            let index = initiation[4..<8].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            packet = HandshakePacket.response(senderIndex: 7, receiverIndex: index, noise: message, codeKey: key)
        }
        // Some bytes altered, with the code made right again.
        while !cutter.isEmpty, kind & 2 != 0 { packet[cutter.short() % (packet.count - 32)] ^= cutter.byte() }
        let body = Array(packet.dropLast(32))
        rig.deliver(body + Digest.code(body, count: body.count, key: key) + Array(repeating: 0, count: 16))
        _ = rig.drain()
    }

    /// Frames of one packet; what is read is written again and read to the same.
    static let frames = FuzzTarget(name: "frames", isFromNetwork: true) {
        var all: [UInt8] = [0, 1]
        FrameEncoder.appendAcknowledgement([20...30, 4...9, 0...0], delay: .zero, marked: 0, capacity: 200, to: &all)
        FrameEncoder.appendAcknowledgement([20...30], delay: .zero, marked: 3, capacity: 200, to: &all)
        let manifest = WireRig.connected.offered
        let controls: [ControlFrame] = [
            .message([1, 2]), .offer(manifest.encoded),
            .want(transfer: 1, object: manifest.id, ranges: [0..<2, 5..<9]),
            .cancel(transfer: 1, reason: .busy), .evidence(manifest.encoded),
            .revocation(
                Revocation(of: WireRig.connected.keys[0].signing, swarm: WireRig.connected.swarm.identifier).encoded),
            .record(WireRig.connected.record.encoded), .credit(transfer: 1, chunks: 9), .push([0, 5, 6]),
        ]
        var seeds = [all]
        for (sequence, frame) in controls.enumerated() {
            var one: [UInt8] = []
            FrameEncoder.append(EncodedControlFrame(frame), sequence: UInt64(sequence), to: &one)
            seeds.append(one)
            all += one
        }
        FrameEncoder.appendChunks(transfer: 1, index: 2, source: [1, 2, 3], range: 0..<3, to: &all)
        all += [11, 1, 2, 3, 4, 5, 6, 7, 8, 12, 1, 2, 3, 4, 5, 6, 7, 8]
        return seeds + [all, [3]]
    } run: { input in
        var decoder = FrameDecoder(input, count: input.count)
        while let frame = try? decoder.next() {
            var bytes: [UInt8] = []
            switch frame {
            case .control(let sequence, let control):
                FrameEncoder.append(EncodedControlFrame(control), sequence: sequence, to: &bytes)
            case .acknowledgement(let ranges, let delay, let marked):
                FrameEncoder.appendAcknowledgement(
                    ranges, delay: delay, marked: marked, capacity: 1200, to: &bytes)
            case .chunk(let transfer, let index, let range):
                precondition(range.upperBound <= input.count, "a chunk lies in its packet")
                FrameEncoder.appendChunks(transfer: transfer, index: index, source: input, range: range, to: &bytes)
                continue
            case .pathChallenge(let challenge): bytes = [FrameType.pathChallenge.rawValue] + challenge
            case .pathResponse(let challenge): bytes = [FrameType.pathResponse.rawValue] + challenge
            case .ping, .close: continue
            }
            var again = FrameDecoder(bytes, count: bytes.count)
            precondition((try? again.next()) == frame, "a frame is written as it was read")
        }
    }

    /// A member of the swarm that lies: packets of any frames under the true key, requests, and the passing of time.
    static let session = FuzzTarget(name: "session", isFromNetwork: true) {
        let object = WireRig.connected.served.id.bytes
        let want: [UInt8] = [6, 1, 0, 0, 0, 0, 0, 0, 0, 45, 0, 0, 0, 0, 0] + object + [1, 0, 0, 0, 0, 62, 0, 0, 0]
        let chunk: [UInt8] = [8, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0] + Array(repeating: 1, count: 64)
        let acknowledgement: [UInt8] = [2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 0, 0, 0]
        let steps: [[UInt8]] = [
            Cutter.framed(0, want), Cutter.framed(200, [20]), Cutter.framed(0, acknowledgement),
            Cutter.framed(210, []), Cutter.framed(0, chunk), Cutter.framed(200, [255]), Cutter.framed(0, [1, 3]),
        ]
        let revocation = Revocation(of: WireRig.connected.keys[0].signing, swarm: WireRig.connected.swarm.identifier)
        let revoking: [UInt8] = [10, 0, 0, 0, 0, 0, 0, 0, 0, 129, 0] + revocation.encoded
        let record = WireRig.connected.record.encoded
        let telling: [UInt8] = [14, 0, 0, 0, 0, 0, 0, 0, 0, UInt8(record.count), 0] + record
        let credit: [UInt8] = [15, 2, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 9, 0, 0, 0]
        let push = WireRig.connected.pushed.enumerated().map { number, body in
            Cutter.framed(
                0, [16, UInt8(number), 0, 0, 0, 0, 0, 0, 0, UInt8(body.count & 255), UInt8(body.count >> 8)] + body)
        }
        return steps + [steps.reduce([], +), Cutter.framed(0, revoking), Cutter.framed(0, telling)]
            + [Cutter.framed(0, want) + Cutter.framed(0, credit), push.reduce([], +) + Cutter.framed(211, [])]
    } run: { input in
        var rig = WireRig.connected
        var cutter = Cutter(input)
        let session = rig.endpoints[0].neighbours[0].current!
        var number = rig.endpoints[0].neighbours[0].association!.recovery.nextNumber
        for _ in 0..<24 where !cutter.isEmpty {
            let kind = cutter.byte()
            let part = cutter.part(min(cutter.short(), 1168))
            switch kind {
            case 200..<210:
                // Up to some seconds pass.
                let pause = part.prefix(8).reduce(Int64(0)) { $0 * 4 + Int64($1) }
                rig.time = rig.time + .milliseconds(min(pause, 40_000))
                rig.endpoints[1].handleTimeout(at: rig.time, using: &rig.generator)
            case 210..<220:
                let object = kind % 2 == 0 ? rig.offered.id : rig.small.id
                rig.endpoints[1].request(object, from: rig.id(0), at: rig.time)
            case 220..<230: rig.endpoints[1].send(message: Array(part.prefix(1000)), to: rig.id(0), at: rig.time)
            case 230..<240: rig.endpoints[1].announce(rig.served.id, to: rig.id(0), at: rig.time)
            case 240...250: number = number &+ part.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            default:
                var packet = DataPacket.header(receiverIndex: session.remoteIndex, number: number, capacity: 1200)
                packet += part
                session.sendCipher.seal(&packet, headerByteCount: DataPacket.headerByteCount, counter: number)
                number &+= 1
                rig.deliver(packet)
            }
            _ = rig.drain()
            _ = rig.endpoints[1].nextDeadline
        }
    }

    /// Proofs, records and the file of what must not be forgotten: what is read is written again to the same bytes.
    static let proofs = FuzzTarget(name: "proofs", isFromNetwork: true) {
        let rig = WireRig.connected
        var other = rig.offered.manifest
        other.sampleCount += 1
        let proof = EquivocationProof(rig.offered, SignedManifest(other, signedWith: rig.keys[0].signing))!
        let revocation = Revocation(of: rig.keys[0].signing, swarm: rig.swarm.identifier)
        let memory = EndpointMemory(
            stamps: [.init(peer: rig.id(0), timestamp: 7)], revocations: [revocation], records: [rig.record])
        return [proof.encoded, revocation.encoded, rig.record.encoded, Array(memory.encoded.dropLast(32))]
    } run: { input in
        if input.count == Revocation.byteCount, let revocation = Revocation(encoded: input) {
            precondition(revocation.encoded == input, "a revocation is written as it was read")
        }
        if let content = PeerRecord.Content(signed: input) {
            precondition(input.starts(with: content.encoded), "a record is written as it was read")
            _ = PeerRecord(encoded: input)
        }
        if let proof = try? EquivocationProof(encoded: input) {
            precondition(proof.encoded == input, "a proof is written as it was read")
        }
        if let memory = EndpointMemory(encoded: EndpointMemory.sealed(input)) {
            // Those of an earlier version come out in the present one.
            precondition(EndpointMemory(encoded: memory.encoded) == memory, "a memory is written as it was read")
        }
    }

    /// Manifests: what is read is written again to the same bytes.
    static let manifest = FuzzTarget(name: "manifest", isFromNetwork: true) {
        let manifest = WireRig.connected.offered
        return [manifest.encoded, manifest.manifest.encoded]
    } run: { input in
        if let manifest = try? ContributionManifest(encoded: input) {
            precondition(manifest.encoded == input, "a manifest is written as it was read")
        }
        if input.count > 64 {
            let layout = Array(input.dropLast(64))
            if (try? ContributionManifest(encoded: layout)) != nil { _ = try? SignedManifest(encoded: input) }
        }
    }
}
