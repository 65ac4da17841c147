import Faults
import Testing

@Suite struct FaultPlanTests {
    static let names = (0..<8).map { "peer-\($0)" }

    private func plan(_ text: String, seed: UInt64 = 1) throws -> FaultPlan {
        let schedule = try FaultSchedule.parse(
            "murmuration-faults: 1\nname: t\nhealing: 60s\n" + text, file: "t")
        return try FaultPlan(schedule, names: Self.names, seed: seed)
    }

    /// Every pair of different peers with whether the link between them is open.
    private func open(_ plan: FaultPlan, at time: Duration) -> [[Bool]] {
        (0..<8).map { from in
            (0..<8).map { plan.conditions(from: from, to: $0, at: time).conditions.isBlocked != true }
        }
    }

    @Test func anIsolatedPeerIsCutOffForItsTimeOnly() throws {
        let plan = try plan("partitions: [{ start: 5s, end: 10s, isolate: peer-3 }]")
        let during = open(plan, at: .seconds(5))
        for from in 0..<8 {
            for to in 0..<8 { #expect(during[from][to] == ((from == 3) == (to == 3))) }
        }
        for time in [Duration.milliseconds(4999), .seconds(10)] {
            #expect(open(plan, at: time).allSatisfy { $0.allSatisfy { $0 } })
        }
    }

    @Test func aOneWayPartitionLeavesTheWayBackOpen() throws {
        let open = open(try plan("partitions: [{ one-way: { from: peer-0, to: [peer-1, peer-2] } }]"), at: .zero)
        #expect(!open[0][1] && !open[0][2] && open[1][0] && open[2][0] && open[0][3])
    }

    @Test func onlyTheBridgeReachesBothHalves() throws {
        let open = open(try plan("partitions: [{ bridge: peer-5 }]"), at: .seconds(1))
        for peer in 0..<8 { #expect(open[5][peer] && open[peer][5]) }
        let others = (0..<8).filter { $0 != 5 }
        let sizes = others.map { peer in others.count { open[peer][$0] } }
        // Seven others: halves of four and of three.
        #expect(sizes.count { $0 == 4 } == 4 && sizes.count { $0 == 3 } == 3)
    }

    @Test func aSwizzleClogsEveryoneAndReleasesEveryone() throws {
        let plan = try plan("partitions: [{ start: 10s, end: 30s, swizzle: all }]")
        func clogged(_ time: Duration) -> Int {
            (0..<8).count { from in
                (0..<8).allSatisfy { plan.conditions(from: from, to: $0, at: time).conditions.isClogged == true }
            }
        }
        #expect(clogged(.milliseconds(9999)) == 0)
        #expect(clogged(.milliseconds(19_999)) == 8)
        #expect(clogged(.seconds(30)) == 0)
        let released = try #require(plan.conditions(from: 0, to: 1, at: .milliseconds(19_999)).released)
        #expect(released > .seconds(20) && released <= .seconds(30))
    }

    @Test func churnAlternatesAndEndsWithTheHealing() throws {
        let plan = try plan("peers: [{ peers: all, fault: churn, up: 5s, down: 2s }]")
        #expect(plan.faults.count > 20)
        for peer in 0..<8 {
            let own = plan.faults.filter { $0.peer == peer }
            for (first, second) in zip(own, own.dropFirst()) { #expect(first.until < second.from) }
            #expect(own.allSatisfy { $0.from < $0.until && $0.until <= .seconds(60) })
        }
        #expect(plan.quietFrom == .seconds(60))
    }

    @Test func whatIsDrawnFollowsTheSeedAndTheFilesSeedGoesFirst() throws {
        let text = """
            partitions: [{ bridge: { random: 2 } }, { swizzle: { random: 3 } }]
            peers: [{ peers: { random: 4 }, fault: crash, restart: 1s }, { peers: all, fault: churn, up: 9s, down: 1s }]
            """
        func story(_ plan: FaultPlan) -> String { "\(plan.faults)\(open(plan, at: .seconds(1)))" }
        #expect(story(try plan(text, seed: 4)) == story(try plan(text, seed: 4)))
        #expect(story(try plan(text, seed: 4)) != story(try plan(text, seed: 5)))
        #expect(story(try plan("seed: 6\n" + text, seed: 4)) == story(try plan("seed: 6\n" + text, seed: 5)))
        #expect(try plan(text).faults.count { $0.kind == .crash(restart: .seconds(1), disk: .kept) } == 4)
    }

    @Test func whatDoesNotFitTheSwarmIsRefused() {
        #expect(throws: FaultPlanError.unknownPeer(name: "zoe", known: Self.names)) {
            _ = try plan("peers: [{ peers: zoe, fault: pause }]")
        }
        #expect(throws: FaultPlanError.tooMany(asked: 9, count: 8)) {
            _ = try plan("peers: [{ peers: { random: 9 }, fault: pause }]")
        }
    }
}
