import Basics
import Federation
import Testing
import Wire

/// The ledger tells what really left: of each contribution the bytes that a neighbour has acknowledged, and nothing of what
/// was only offered.
@Suite struct LedgerTests {
    /// A contribution on its way to a neighbour.
    struct Parcel: Hashable {
        let to: PeerID
        let object: String
    }

    /// What a peer says of its contributions, from its first event to its last.
    struct Account {
        var byteCounts: [String: Int] = [:]
        var offered: Set<Parcel> = []
        var sent: [(parcel: Parcel, byteCount: Int)] = []
        var unconfirmed: Set<Parcel> = []
        /// What neighbours sent that arrived whole, by sender.
        var received: Set<Parcel> = []
        /// Lines of the ledger before the offer that they belong to.
        var early = 0

        init(_ kinds: [PeerEvent.Kind]) {
            for kind in kinds {
                switch kind {
                case .contributionPublished(_, let byteCount, _, _, let object): byteCounts[object] = byteCount
                case .contributionOffered(let peer, _, _, let object):
                    offered.insert(Parcel(to: peer, object: object))
                case .contributionSent(let peer, _, let byteCount, _, _, let object):
                    let parcel = Parcel(to: peer, object: object)
                    if !offered.contains(parcel) { early += 1 }
                    sent.append((parcel, byteCount))
                case .contributionUnconfirmed(let peer, _, _, let object):
                    unconfirmed.insert(Parcel(to: peer, object: object))
                case .contributionReceived(let peer, _, _, let object):
                    received.insert(Parcel(to: peer, object: object))
                default: break
                }
            }
        }
    }

    static func run(
        seed: UInt64, loss: Double, pushes: Bool, rows: Int = 4, adjust: (inout VirtualSwarm) -> Void = { _ in }
    ) throws -> VirtualSwarm {
        var swarm = try VirtualSwarm(graph: "ring", count: 4, seed: seed, rounds: 3, loss: loss, rows: rows)
        if !pushes { swarm.wire.pushByteLimit = 0 }
        try swarm.startAll()
        adjust(&swarm)
        let stopped = swarm.run()
        #expect(stopped)
        return swarm
    }

    @Test(arguments: [UInt64(1), 2, 3], [0, 0.1]) func whatWasAskedForIsInTheLedger(
        seed: UInt64, loss: Double
    ) throws {
        let swarm = try Self.run(seed: seed, loss: loss, pushes: false)
        let accounts = swarm.members.indices.map { Account(swarm.kinds($0)) }
        for index in swarm.members.indices {
            let account = accounts[index]
            #expect(account.early == 0)
            #expect(account.sent.allSatisfy { $0.byteCount == account.byteCounts[$0.parcel.object] })
            #expect(Set(account.sent.map(\.parcel)).count == account.sent.count, "each once")
            for other in swarm.members.indices where other != index {
                let told = account.sent.filter { $0.parcel.to == swarm.id(other) }.map(\.parcel.object)
                let unconfirmed = account.unconfirmed.filter { $0.to == swarm.id(other) }.map(\.object)
                let arrived = accounts[other].received.filter { $0.to == swarm.id(index) }.map(\.object)
                // What a neighbour got in its last moment it has acknowledged, and looked at no more; where the peer itself had
                // left by then, it has said that this may be.
                #expect(Set(arrived).subtracting(told).subtracting(unconfirmed).isEmpty, "from \(index) to \(other)")
            }
        }
        // Final adapters are offered to neighbours that have finished too and do not ask for them.
        let offers = accounts.reduce(0) { $0 + $1.offered.count }
        #expect(offers > accounts.reduce(0) { $0 + $1.sent.count })
    }

    /// What is pushed leaves without being asked for, and is told all the same.
    @Test(arguments: [0, 0.1]) func whatIsPushedIsInTheLedger(loss: Double) throws {
        let swarm = try Self.run(seed: 4, loss: loss, pushes: true)
        let accounts = swarm.members.indices.map { Account(swarm.kinds($0)) }
        for index in swarm.members.indices {
            let told = Set(accounts[index].sent.map(\.parcel))
            #expect(accounts[index].early == 0)
            for other in swarm.members.indices where other != index {
                for parcel in accounts[other].received where parcel.to == swarm.id(index) {
                    #expect(told.contains(Parcel(to: swarm.id(other), object: parcel.object)))
                }
            }
        }
    }

    /// A neighbour that crashes in the midst of a transfer has acknowledged a part of it: that part is in the ledger, and what
    /// the next session brings stands in another line.
    @Test func asMuchAsWasAcknowledgedWhenTheSessionEnded() throws {
        var parts = 0
        for step in 0..<12 {
            let swarm = try Self.run(seed: 5, loss: 0.02, pushes: false, rows: 8_000) { swarm in
                swarm.after(.milliseconds(900 + 25 * step)) { $0.crash(1) }
                swarm.after(.milliseconds(3_000)) { try! $0.start(1) }
            }
            let receiver = Account(swarm.kinds(1))
            for index in [0, 2] {
                let account = Account(swarm.kinds(index))
                #expect(account.early == 0)
                for (parcel, byteCount) in account.sent where parcel.to == swarm.id(1) {
                    let whole = try #require(account.byteCounts[parcel.object])
                    #expect(byteCount > 0 && byteCount <= whole)
                    if byteCount < whole { parts += 1 }
                }
                for parcel in receiver.received where parcel.to == swarm.id(index) {
                    let told = account.sent.filter { $0.parcel == Parcel(to: swarm.id(1), object: parcel.object) }
                    #expect(!told.isEmpty)
                }
            }
        }
        #expect(parts > 0, "no crash fell into a transfer")
    }
}
