import Adapters
import Aggregation
import Basics
import Cryptography
import Overlay

@testable import Federation
@testable import Wire

extension FuzzTarget {
    private static let schema = AdapterSchema(tensors: [
        .init(name: "a.lora_A.weight", rows: 2, columns: 3), .init(name: "a.lora_B.weight", rows: 3, columns: 2),
    ])

    /// A manifest's status, and a contribution's payload at the gate.
    static let status = FuzzTarget(name: "status", isFromNetwork: true) {
        [[1], [1, 0, 0, 0], [1, 255, 7, 3], Array(repeating: 0, count: 48)]
    } run: { input in
        for depth in [0, 2, 5] {
            var rule = AgreementSettling(SettlingLimits(consensusBound: 1e-3, depth: depth, rounds: 9))
            guard let status = ContributionStatus(encoded: input, rule: rule) else { continue }
            precondition(status.encoded == input, "a status is written as it was read")
            _ = rule.advance(
                disagreement: 0.5,
                heard: [(WireRig.connected.id(0), .status(status.settling)), (WireRig.connected.id(1), .silence)])
            _ = rule.verdict(after: 1)
        }
        var pipeline = ExchangePipeline(ExchangePolicy(), schema: schema)
        _ = try? pipeline.open(input, encoding: 1, sequence: 1, from: WireRig.connected.id(0))
    }

    private static func pipeline(_ compression: ExchangePolicy.Compression) -> ExchangePipeline {
        let policy = ExchangePolicy(
            mixing: .metropolis, weights: .samples, factors: .both, compression: compression, robustness: .none)
        return ExchangePipeline(policy, schema: schema)
    }

    /// What a neighbour passes on of gains, as it is and with the signature that belongs to it.
    static let gain = FuzzTarget(name: "gain", isFromNetwork: true) {
        let row = GainRow(
            place: 0, round: 1, records: 9, before: 2, own: 1.5, mixed: 1.25, givers: [(place: 1, loss: 1.75)])
        return [SignedGainRow(row, signedWith: WireRig.connected.keys[0].signing, swarm: swarmIdentifier).encoded]
    } run: { input in
        let rig = WireRig.connected
        let settings = GainSettings(interval: 2, members: [rig.id(0), rig.id(1)])
        guard let read = SignedGainRow(encoded: input) else { return }
        precondition(read.row.givers.count <= GainRow.giverLimit && read.encoded == input)
        let signed = SignedGainRow(read.row, signedWith: rig.keys[0].signing, swarm: swarmIdentifier)
        precondition(signed.encoded.dropLast(64) == input.dropLast(64), "a row has one written form")
        var table = GainTable()
        for row in [read, signed] {
            _ = table.take(row, from: 1, settings: settings, rounds: 9, swarm: swarmIdentifier)
        }
        precondition(table.places.isEmpty || table.places == [0], "rows are of members, and not one's own")
    }

    private static let swarmIdentifier = [UInt8](repeating: 5, count: 32)

    /// A contribution's payload in every encoding: the first byte says in which, and in which swarm.
    static let payload = FuzzTarget(name: "payload", isFromNetwork: true) {
        [UInt8(0), 1, 2, 3, 4].map { [$0] + [UInt8](repeating: $0, count: 24) }
    } run: { input in
        guard let first = input.first else { return }
        let swarms = ExchangePolicy.Compression.allCases
        var pipeline = pipeline(swarms[Int(first) % swarms.count])
        let payload = Array(input.dropFirst())
        for encoding in 1...5 as ClosedRange<UInt16> {
            guard
                let opened = try? pipeline.open(
                    payload, encoding: encoding, sequence: UInt64(encoding), from: WireRig.connected.id(0))
            else { continue }
            precondition(opened.delta.isFinite && opened.delta.norm <= 1e6, "what is let in can be mixed")
        }
    }

    /// Differences, one after the other: each input is a step and integers' code, with the marks that belong to them where
    /// they lead anywhere.
    static let difference = FuzzTarget(name: "difference", isFromNetwork: true) {
        let copy = AdapterDelta(zeroOf: schema)
        var moved = copy
        for index in moved.values.indices { moved[index] = Float(index * index) - 30 }
        let coded = DifferenceCoding.encoded(moved, after: copy, mark: DifferenceCoding.mark(of: copy), step: 0.5)!
        return [Array(coded.payload.dropFirst(16)), [0, 0, 0, 0], Array(repeating: 0xff, count: 30)]
    } run: { input in
        let copy = AdapterDelta(zeroOf: schema)
        var head: [UInt8] = []
        head.append(integer: DifferenceCoding.mark(of: copy))
        // With a mark that cannot be right, all of the code is read before it is refused.
        head.append(integer: UInt64(0))
        _ = try? DifferenceCoding.decoded((head + input)[...], after: copy)
        _ = try? DifferenceCoding.decoded(input[...], after: copy)
        var pipeline = pipeline(.differences)
        guard let opened = try? pipeline.open(input, encoding: 5, sequence: 1, from: WireRig.connected.id(0)) else {
            return
        }
        precondition(opened.delta.isFinite, "what is let in can be mixed")
    }

    /// A peer in the midst of its rounds, whose only neighbour signs whatever it likes.
    static let peer = FuzzTarget(name: "peer", isFromNetwork: true) {
        let step: [UInt8] = [0, 0, 0, 1, 5, 1, 1]
        return [step, step + [1, 0, 0, 9, 1, 0, 1] + step, [200, 4] + step + [201, 200, 9]]
    } run: { input in
        var rig = PeerRig.gathering
        var cutter = Cutter(input)
        for _ in 0..<12 where !cutter.isEmpty {
            let kind = cutter.byte()
            if kind >= 200 {
                rig.wait(.milliseconds(Int64(cutter.byte()) * (kind == 200 ? 10 : 1000)))
            } else {
                rig.contribute(
                    round: rig.number(&cutter), sequence: rig.number(&cutter), flags: cutter.byte(),
                    samples: rig.number(&cutter), status: cutter.part(Int(cutter.byte() & 7)), isDamaged: kind & 8 != 0)
            }
        }
    }

    /// What a neighbour tells of its settings, and the settings of a state file.
    static let settings = FuzzTarget(name: "settings", isFromNetwork: true) {
        let settings = SettingsFingerprint([.init("model.lora.alpha", "16"), .init("model.lora.rank", "8")])
        return [SettingsMessage.encoded(settings, limit: 1000), settings.encoded]
    } run: { input in
        let own = SettingsFingerprint([.init("model.lora.alpha", "8"), .init("tuning.batch", "4")])
        if let difference = SettingsMessage(encoded: input)?.difference(from: own) {
            precondition(difference.utf8.count < 4096, "what a neighbour tells is short")
        }
        guard let settings = SettingsFingerprint(encoded: input) else { return }
        precondition(
            SettingsFingerprint(encoded: settings.encoded) == settings, "settings are written as they were read")
    }

    /// A peer's state file, with a right checksum.
    static let checkpoint = FuzzTarget(name: "checkpoint", isFromNetwork: false) {
        let checkpoint = PeerCheckpoint(
            identity: WireRig.connected.id(0), swarm: Array(repeating: 1, count: 32),
            baseModelDigest: Array(repeating: 2, count: 32), round: 4, isFinished: false, handshakeTimestamp: 99,
            delta: AdapterDelta(zeroOf: schema), trainerSnapshot: [1, 2, 3],
            progress: [.init(peer: WireRig.connected.id(1), round: 3)])
        return [Array(checkpoint.encoded.dropLast(32))]
    } run: { input in
        _ = try? PeerCheckpoint(encoded: input)
        guard let checkpoint = try? PeerCheckpoint(encoded: PeerCheckpoint.sealed(input)) else { return }
        let again = try? PeerCheckpoint(encoded: checkpoint.encoded)
        precondition(again == checkpoint, "a checkpoint is written as it was read")
    }
}

/// A peer core that waits for its neighbour's contribution; the neighbour is a bare endpoint.
struct PeerRig {
    var core: PeerCore
    var liar: ProtocolEndpoint
    var generator = SeededGenerator(seed: 8)
    var time = MonotonicTime(nanoseconds: 1_000_000_000)
    private var own: ContributionManifest?

    static let gathering: PeerRig = {
        var rig = PeerRig()
        rig.core.start(at: rig.time, using: &rig.generator)
        rig.liar.connect(to: WireRig.connected.id(1), at: rig.time, using: &rig.generator)
        rig.exchange(4)
        rig.finishTraining()
        rig.exchange(4)
        precondition(rig.own != nil, "the peer has offered its contribution")
        return rig
    }()

    private static let schema = AdapterSchema(tensors: [.init(name: "a.lora_A.weight", rows: 2, columns: 3)])

    private init() {
        let keys = WireRig.connected.keys
        let swarm = WireRig.connected.swarm
        let remotes = [0, 1].map {
            RemotePeer(
                id: WireRig.connected.id($0), exchangeKey: keys[$0].exchange.publicKey, address: WireRig.addresses[$0])
        }
        let configuration = PeerConfiguration(
            schema: Self.schema, baseModelDigest: Array(repeating: 7, count: 32),
            roster: Roster(
                place: 1, sampleCount: 10, swarmCount: 2, depth: 2,
                members: [.init(id: remotes[0].id, place: 0, degree: 1)]),
            remotes: [remotes[0]], rounds: 3, localSteps: 1, settlingLimit: 20)
        core = try! PeerCore(
            configuration: configuration, local: LocalPeer(keys[1]), swarm: swarm, handshakeTimestamp: 50, at: time)
        liar = ProtocolEndpoint(
            local: LocalPeer(keys[0]), remotes: [remotes[1]], swarm: swarm, configuration: .attentive,
            handshakeTimestamp: 60, at: time)
    }

    /// A number of up to eight bytes, of which the first says how many.
    func number(_ cutter: inout Cutter) -> UInt64 {
        let count = Int(cutter.byte() % 9)
        return cutter.part(count).reduce(0) { $0 << 8 | UInt64($1) }
    }

    mutating func contribute(
        round: UInt64, sequence: UInt64, flags: UInt8, samples: UInt64, status: [UInt8], isDamaged: Bool
    ) {
        guard let own else { return }
        var payload = [UInt8](repeating: 0, count: 4 * Self.schema.count)
        if isDamaged { payload[3] = 0x7f; payload[2] = 0xff }
        let manifest = ContributionManifest(
            swarm: own.swarm, origin: WireRig.connected.id(0), round: round, sequence: sequence,
            baseModelDigest: own.baseModelDigest, schemaDigest: own.schemaDigest, encoding: own.encoding,
            flags: .init(rawValue: UInt16(flags)), sampleCount: samples, payload: payload, status: status)
        let object = liar.publish(
            SignedManifest(manifest, signedWith: WireRig.connected.keys[0].signing), payload: payload)
        liar.announce(object, to: WireRig.connected.id(1), at: time)
        exchange(3)
        finishTraining()
    }

    mutating func wait(_ pause: Duration) {
        time = time + pause
        core.handleTimeout(at: time, using: &generator)
        liar.handleTimeout(at: time, using: &generator)
        exchange(2)
        finishTraining()
    }

    private mutating func finishTraining() {
        while let directive = core.pollDirective() {
            guard case .train(let request) = directive else { continue }
            let outcome = TrainingOutcome(delta: request.delta, loss: 1, tokens: 1, records: 1)
            core.trainingFinished(outcome, snapshot: [], duration: .seconds(1), at: time, using: &generator)
        }
        _ = core.nextDeadline
    }

    private mutating func exchange(_ count: Int) {
        for _ in 0..<count {
            while let datagram = liar.pollTransmit(at: time, using: &generator) {
                core.receive(
                    Datagram(address: WireRig.addresses[0], bytes: datagram.bytes), at: time, using: &generator)
            }
            while let datagram = core.pollTransmit(at: time, using: &generator) {
                liar.receive(
                    Datagram(address: WireRig.addresses[1], bytes: datagram.bytes), at: time, using: &generator)
            }
            while let event = liar.pollEvent() {
                if case .announced(_, let manifest) = event { own = manifest.manifest }
            }
            time = time + .milliseconds(1)
        }
    }
}
