import Adapters
import Basics
import Cryptography
import Federation
import Foundation
import Recording
import TestSupport
import Testing
import Wire

/// What peers tell each other of what they gained.
@Suite struct GainRowTests {
    private static let swarm = [UInt8](repeating: 9, count: 32)
    private static let keys = try! (1...3).map { try SigningKey(seed: [UInt8](repeating: $0, count: 32)) }
    private static let settings = GainSettings(interval: 2, members: keys.map { PeerID(bytes: $0.publicKey)! })

    private static func row(place: Int = 0, round: Int = 3, givers: [(place: Int, loss: Double)]? = nil) -> GainRow {
        GainRow(
            place: place, round: round, records: 40, before: 2.5, own: 2.25, mixed: 2,
            givers: givers ?? [(place: 2, loss: 1.5), (place: 1, loss: 3)])
    }

    private static func signed(_ row: GainRow, by peer: Int? = nil) -> SignedGainRow {
        SignedGainRow(row, signedWith: keys[peer ?? row.place], swarm: swarm)
    }

    @Test func itReadsBack() throws {
        for givers in [[], [(place: 1, loss: 3.5)], (1...GainRow.giverLimit).map { (place: $0, loss: Double($0)) }] {
            let signed = Self.signed(Self.row(givers: givers))
            let read = try #require(SignedGainRow(encoded: signed.encoded))
            #expect(read == signed && read.row.givers.map(\.place) == givers.map(\.place))
            #expect(read.isSigned(by: Self.settings.members[0], swarm: Self.swarm))
            #expect(!read.isSigned(by: Self.settings.members[1], swarm: Self.swarm))
            #expect(!read.isSigned(by: Self.settings.members[0], swarm: [UInt8](repeating: 8, count: 32)))
            #expect(read.encoded.count <= 300, "a row is small")
        }
    }

    @Test func whatIsNoNumberIsToldAsTheMost() throws {
        let row = GainRow(
            place: 0, round: 1, records: 1, before: .nan, own: .infinity, mixed: -1, givers: [(place: 1, loss: 1e30)])
        #expect(row.before == GainRow.lossLimit && row.own == GainRow.lossLimit && row.mixed == 0)
        #expect(row.givers[0].loss == GainRow.lossLimit)
        #expect(SignedGainRow(encoded: Self.signed(row).encoded)?.row == row)
    }

    @Test func bytesOfNoHonestPeerAreNoRow() {
        let bytes = Self.signed(Self.row()).encoded
        func changed(_ at: Int, _ new: [UInt8]) -> [UInt8] {
            var bytes = bytes
            bytes.replaceSubrange(at..<at + new.count, with: new)
            return bytes
        }
        func loss(_ value: Float) -> [UInt8] {
            var bytes: [UInt8] = []
            bytes.append(integer: value.bitPattern)
            return bytes
        }
        #expect(SignedGainRow(encoded: bytes) != nil)
        for length in 0..<bytes.count { #expect(SignedGainRow(encoded: Array(bytes.prefix(length))) == nil) }
        #expect(SignedGainRow(encoded: bytes + [0]) == nil)
        for value: Float in [.nan, .infinity, -1, -0.0, 2e6] {
            #expect(SignedGainRow(encoded: changed(14, loss(value))) == nil, "\(value)")
            #expect(SignedGainRow(encoded: changed(31, loss(value))) == nil, "\(value)")
        }
        #expect(SignedGainRow(encoded: changed(1, [2])) == nil, "another version")
        #expect(SignedGainRow(encoded: changed(10, [0, 0, 0, 0])) == nil, "no records")
        #expect(SignedGainRow(encoded: changed(26, [17])) == nil, "too many givers")
        #expect(SignedGainRow(encoded: changed(27, [0, 0, 0, 0])) == nil, "itself as a giver")
        #expect(SignedGainRow(encoded: changed(27, [2, 0, 0, 0])) == nil, "a giver twice")
        #expect(SignedGainRow(encoded: changed(27, [3, 0, 0, 0])) == nil, "not ascending")
    }

    @Test(arguments: 0..<200) func damageNeverTraps(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var bytes = Self.signed(Self.row()).encoded
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
        }
        var table = GainTable()
        guard let read = SignedGainRow(encoded: bytes), bytes != Self.signed(Self.row()).encoded else { return }
        #expect(table.take(read, from: 1, settings: Self.settings, rounds: 9, swarm: Self.swarm) != nil)
        #expect(table.places.isEmpty)
    }

    @Test func onlyNewsOfMembersIsTaken() {
        var table = GainTable()
        func take(_ row: SignedGainRow, from own: Int = 1) -> GainTable.Refusal? {
            table.take(row, from: own, settings: Self.settings, rounds: 9, swarm: Self.swarm)
        }
        #expect(take(Self.signed(Self.row(), by: 2)) == .lie, "somebody else signed it")
        #expect(take(Self.signed(Self.row(round: 2))) == .lie, "a round that nobody measures")
        #expect(take(Self.signed(Self.row(round: 11))) == .lie, "a round beyond the run")
        #expect(take(Self.signed(Self.row(givers: [(place: 3, loss: 1)]))) == .lie, "a giver that is no member")
        #expect(take(Self.signed(Self.row(place: 7), by: 0)) == .lie, "a peer that is no member")
        #expect(take(Self.signed(Self.row()), from: 0) == .old, "the own one comes back")
        #expect(table.places.isEmpty)
        #expect(take(Self.signed(Self.row())) == nil)
        #expect(take(Self.signed(Self.row())) == .old && take(Self.signed(Self.row(round: 1))) == .old)
        #expect(take(Self.signed(Self.row(round: 5))) == nil)
        #expect(table.places == [0] && table.rows[0]?.row.round == 5)
    }

    @Test func whoHasManyNeighboursTakesThemInTurns() {
        let settings = GainSettings(interval: 3, members: [])
        #expect((0..<9).filter { settings.measures($0, of: 9) } == [2, 5], "after the last nobody trains")
        #expect(settings.turn(16, in: 2) == Array(0..<16))
        var seen: Set<Int> = []
        for round in stride(from: 2, to: 30, by: 3) {
            let turn = settings.turn(100, in: round)
            #expect(Set(turn).count == GainRow.giverLimit && turn.allSatisfy { (0..<100).contains($0) })
            seen.formUnion(turn)
        }
        #expect(seen.count == 100)
    }
}

/// Swarms of toys that measure what they gain from whom.
@Suite struct GainTests {
    private static func swarm(
        _ graph: String, _ count: Int, seed: UInt64 = 1, rounds: Int = 6, loss: Double = 0,
        exchange: String = "gain: 2",
        idle: Int? = nil
    ) throws -> VirtualSwarm {
        var swarm = try VirtualSwarm(
            graph: graph, count: count, seed: seed, rounds: rounds, loss: loss, exchange: exchange)
        if let idle { swarm.members[idle].idles = true }
        try swarm.startAll()
        for index in swarm.members.indices { swarm.members[index].core?.isAudited = true }
        return swarm
    }

    private static func measured(_ swarm: VirtualSwarm, _ index: Int) -> [GainNews] {
        swarm.kinds(index).compactMap { if case .gainMeasured(let news) = $0 { news } else { nil } }
    }

    private static func heard(_ swarm: VirtualSwarm, _ index: Int) -> [GainNews] {
        swarm.kinds(index).compactMap { if case .gainHeard(let news) = $0 { news } else { nil } }
    }

    @Test(arguments: ["complete", "ring"]) func theMatrixIsThatOfTheAdaptersThatWereSent(graph: String) throws {
        var swarm = try Self.swarm(graph, 5)
        let stopped = swarm.run()
        #expect(stopped)
        for index in swarm.members.indices {
            let member = swarm.members[index]
            func loss(_ delta: AdapterDelta?) throws -> Double {
                Double(Float(QuadraticTrainer.loss(of: try #require(delta), target: member.target)))
            }
            let rows = Self.measured(swarm, index)
            #expect(rows.map(\.round) == [1, 3])
            for row in rows {
                #expect(row.origin == swarm.id(index) && row.records == 1)
                #expect(try row.before == loss(member.mixed[row.round - 1]))
                #expect(try row.own == loss(member.published[row.round]))
                #expect(try row.mixed == loss(member.mixed[row.round]))
                #expect(row.givers.count == (graph == "ring" ? 2 : 4))
                for giver in row.givers {
                    let other = try #require(swarm.members.indices.first { swarm.id($0) == giver.peer })
                    #expect(try giver.amount == loss(swarm.members[other].published[row.round]))
                }
            }
        }
    }

    @Test(arguments: [(0.0, 1 as UInt64), (0.2, 2), (0.2, 3)])
    func everybodyEndsWithTheWholeMatrix(loss: Double, seed: UInt64) throws {
        var swarm = try Self.swarm("ring", 7, seed: seed, loss: loss)
        let stopped = swarm.run()
        #expect(stopped)
        for index in swarm.members.indices {
            let heard = Self.heard(swarm, index)
            for other in swarm.members.indices where other != index {
                #expect(
                    heard.filter { $0.origin == swarm.id(other) } == Self.measured(swarm, other), "\(index) of \(other)"
                )
            }
            #expect(!heard.contains { $0.origin == swarm.id(index) }, "nobody tells a peer of itself")
            let told = swarm.kinds(index).compactMap { kind -> PeerID? in
                if case .gainSent(let to, _, let bytes) = kind, bytes == 107 { to } else { nil }
            }
            #expect(told.count == 4, "two rows to two neighbours, told of in the ledger")
        }
    }

    @Test(arguments: [
        "", "mixing: push-sum, compression: none", "mixing: pairwise", "overlap: true", "compression: differences",
        "factors: freeze-a",
    ]) func nothingElseChanges(exchange: String) throws {
        let more = exchange.isEmpty || exchange.contains("factors") ? "" : ", " + exchange
        func finals(_ gain: String) throws -> (adapters: [AdapterDelta], rows: Int) {
            var swarm = try Self.swarm("ring", 4, exchange: gain + more)
            let stopped = swarm.run()
            #expect(stopped)
            return (swarm.finals(0..<4), (0..<4).reduce(0) { $0 + Self.measured(swarm, $1).count })
        }
        let (with, without) = (try finals("staleness: 2, gain: 2"), try finals("staleness: 2"))
        #expect(with.adapters == without.adapters && with.adapters.count == 4)
        #expect(without.rows == 0)
        // Where the swarm overlaps, the steps after the next ones measure, and there are none after the last.
        #expect(with.rows == 8, "\(with.rows)")
    }

    /// Whoever was away when rows passed gets them at once from whom it comes back to.
    @Test func whoComesBackIsToldWhatItMissed() throws {
        var swarm = try Self.swarm("ring", 5, rounds: 30, exchange: "gain: 3")
        let (gone, back) = (Duration.seconds(3), Duration.seconds(25))
        let start = swarm.time
        swarm.after(gone) { $0.crash(2) }
        swarm.after(back) { try! $0.start(2) }
        let stopped = swarm.run()
        #expect(stopped && swarm.members[2].starts == 2)
        var origins: Set<PeerID> = []
        let moments = start + back...start + back + .seconds(1)
        for event in swarm.members[2].events where moments.contains(event.time) {
            if case .gainHeard(let news) = event.kind { origins.insert(news.origin) }
        }
        #expect(origins == Set([0, 1, 3, 4].map { swarm.id($0) }))
    }

    /// A neighbour that passes on what nobody signed is not listened to again; the swarm ends as without it.
    @Test func aLiarIsNotListenedTo() throws {
        var swarm = try Self.swarm("ring", 4)
        swarm.after(.seconds(1)) { swarm in
            let row = GainRow(
                place: 3, round: 1, records: 5, before: 1, own: 1, mixed: 1, givers: [(place: 0, loss: 9)])
            let forged = SignedGainRow(
                row, signedWith: swarm.members[1].keys.signing, swarm: swarm.secret.identifier)
            for to in [0, 2] {
                swarm.members[1].core!.wire.send(message: forged.encoded, to: swarm.id(to), at: swarm.time)
            }
            swarm.drain(1)
        }
        let stopped = swarm.run()
        #expect(stopped)
        for index in [0, 2] {
            for row in Self.heard(swarm, index) where row.origin == swarm.id(3) {
                #expect(Self.measured(swarm, 3).contains(row), "what is heard of 3 is what 3 said")
            }
            // 3 and the one beyond it are heard from the other side; of the liar nothing is taken any more.
            #expect(Set(Self.heard(swarm, index).map(\.origin)) == [swarm.id(3), swarm.id(2 - index)])
        }
    }

    /// Its own steps lead nowhere: what it contributes is what it was given, and brings nobody anything.
    @Test func aFreeRiderGivesNothing() throws {
        var swarm = try Self.swarm("complete", 5, exchange: "gain: 1", idle: 3)
        let stopped = swarm.run()
        #expect(stopped)
        var gains: [Int: [Double]] = [:]
        for index in swarm.members.indices where index != 3 {
            let row = try #require(Self.measured(swarm, index).first)
            for giver in row.givers {
                let place = try #require(swarm.members.indices.first { swarm.id($0) == giver.peer })
                gains[place, default: []].append(row.before - giver.amount)
            }
        }
        // In the first round all begin with nothing: what the idle one sends is that.
        #expect(gains[3] == [0, 0, 0, 0])
        #expect(gains.filter { $0.key != 3 }.allSatisfy { $0.value.contains { abs($0) > 1 } }, "\(gains)")
    }
}

/// The vector of docs/protocol.md: made here from fixed values, and looked for on the page.
@Suite struct DocumentedGainTests {
    @Test func thePageHasIt() throws {
        let keys = try SigningKey(seed: [UInt8](repeating: 1, count: 32))
        let swarm = try SwarmSecret(name: "vector", seed: 42).identifier
        let row = GainRow(
            place: 0, round: 4, records: 32, before: 2.5, own: 2.25, mixed: 2,
            givers: [(place: 1, loss: 2.125), (place: 5, loss: 2.75)])
        let bytes = SignedGainRow(row, signedWith: keys, swarm: swarm).encoded
        let lines = stride(from: 0, to: bytes.count, by: 32).map {
            "    " + Array(bytes[$0..<min($0 + 32, bytes.count)]).hexadecimal
        }
        let vector = "Gains of the initiator:\n\n" + lines.joined(separator: "\n") + "\n\n"
        let page = SharedData.projectRoot.appendingPathComponent("docs/protocol.md")
        var text = try String(contentsOf: page, encoding: .utf8)
        if ProcessInfo.processInfo.environment["MURMUR_WRITE_VECTORS"] != nil {
            let start = try #require(text.range(of: "Gains of the initiator:\n"))
            let end = try #require(text.range(of: "Encodings (section 9): "))
            text.replaceSubrange(start.lowerBound..<end.lowerBound, with: vector)
            try Data(text.utf8).write(to: page)
        } else {
            #expect(text.contains(vector), "docs/protocol.md differs; scripts/make-vectors writes it")
        }
    }
}
