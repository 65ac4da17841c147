import Basics
import Faults
import Foundation
import TestSupport
import Testing

@Suite struct FaultFileTests {
    static let folder = SharedData.projectRoot.appendingPathComponent("topologies/faults")
    static let shipped = [
        "lossy", "bursty", "reorder", "partition", "bridge", "crash", "churn", "slow", "clock", "disk", "byzantine",
        "intruders", "everything", "prediction", "loss-10", "loss-10-crash", "hospitals-network", "hospitals-crash",
        "hospitals-slow",
    ]

    @Test(arguments: shipped) func shippedFilesAreRightAndComeBackFromTheWriter(name: String) throws {
        let path = Self.folder.appendingPathComponent("\(name).yaml").path
        let schedule = try FaultSchedule.load(path)
        #expect(schedule.name == name)
        #expect(try FaultSchedule.parse(schedule.yaml, file: "written") == schedule)
        #expect(try String(contentsOfFile: path, encoding: .utf8).hasPrefix("# "), "the purpose comes first")
        let plan = try FaultPlan(schedule, names: (0..<8).map { "peer-\($0)" }, seed: 1)
        #expect(plan.quietFrom <= max(schedule.healing, .zero))
    }

    @Test func noFileIsLeftOut() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
        #expect(files.filter { $0.hasSuffix(".yaml") }.sorted() == Self.shipped.map { "\($0).yaml" }.sorted())
    }

    @Test func valuesMeanWhatTheySay() throws {
        let schedule = try FaultSchedule.parse(
            """
            murmuration-faults: 1
            name: values
            seed: 9
            healing: 2h
            network: { delay: { uniform: [10ms, 40ms] }, loss: { to-bad: 1%, to-good: 0.5 }, rate: 1Mbit }
            links: [{ start: 1.5s, end: 2min, from: ada, to: [ben, all], one-way: true, loss: 5%, queue: 2000 }]
            peers:
              - { peers: all, fault: clock-step, by: -24h }
              - { peers: { random: 2 }, start: 5s, fault: crash, disk: torn }
            """, file: "v")
        #expect(schedule.seed == 9 && schedule.healing == .seconds(7200))
        #expect(
            schedule.network
                == LinkConditions(
                    delay: .uniform(.milliseconds(10), .milliseconds(40)),
                    loss: .gilbertElliott(toBad: 0.01, toGood: 0.5, goodLoss: 0, badLoss: 1), rate: 125_000))
        #expect(
            schedule.links == [
                LinkFault(
                    interval: FaultInterval(from: .milliseconds(1500), until: .seconds(120)), from: .names(["ada"]),
                    to: .names(["ben", "all"]), isMutual: false,
                    conditions: LinkConditions(loss: .independent(0.05), queue: 2000))
            ])
        #expect(schedule.peers[0].kind == .clockStep(.seconds(-86_400)))
        #expect(schedule.peers[1].kind == .crash(restart: nil, disk: .torn))
        #expect(try FaultSchedule.parse(schedule.yaml, file: "w") == schedule)
    }

    /// Lines after the head, the line of the mistake in them, and words that the message has to have.
    static let mistakes: [(String, Int, [String])] = [
        ("network: { los: 5% }", 4, ["network.los", "did you mean \"loss\"", "allowed here"]),
        ("network: { loss: 120% }", 4, ["network.loss", "out of range", "0 to 1"]),
        ("network: { loss: { to-bad: 1% } }", 4, ["network.loss.to-good", "missing"]),
        ("network: { delay: 20 }", 4, ["network.delay", "not a duration", "20ms"]),
        ("network: { delay: { uniform: [40ms, 10ms] } }", 4, ["shorter"]),
        ("network: { delay: { } }", 4, ["uniform, normal, exponential"]),
        ("network: { rate: 5 }", 4, ["network.rate", "bytes a second"]),
        ("network: { blocked: true }", 4, ["network.blocked", "unknown"]),
        ("healing: 9s\nlinks:\n  - { start: 10s, loss: 1 }", 6, ["links[0].start", "healing"]),
        ("healing: 9s\nlinks:\n  - { start: 5s, end: 5s, loss: 1 }", 6, ["links[0].end", "not after"]),
        ("healing: 9s\nlinks:\n  - { from: all }", 6, ["links[0]", "nothing is said"]),
        ("links: []", 4, ["links", "healing"]),
        ("healing: 9s\npartitions: [{ isolate: a, bridge: b }]", 5, ["partitions[0]", "two shapes"]),
        ("healing: 9s\npartitions: [{ end: 2s }]", 5, ["partitions[0]", "groups, isolate"]),
        ("healing: 9s\npeers: [{ peers: a, fault: crahs }]", 5, ["peers[0].fault", "allowed: crash"]),
        ("healing: 9s\npeers: [{ peers: a, fault: crash, end: 2s }]", 5, ["peers[0].end", "restart"]),
        ("healing: 9s\npeers: [{ peers: [], fault: pause }]", 5, ["peers[0].peers", "empty"]),
        ("healing: 9s\npeers: [{ peers: { random: 0 }, fault: pause }]", 5, ["random", "1 to 10000"]),
        ("healing: 9s\npeers: [{ peers: a, fault: slow, factor: 1 }]", 5, ["factor", "above 1"]),
        ("healing: 9s\npeers: [{ peers: a, fault: clock-drift, rate: 20% }]", 5, ["rate", "-0.1 to 0.1"]),
        ("healing: 9s\npeers: [{ peers: a, fault: disk, disk: slow }]", 5, ["full, failing"]),
        ("healing: 9s\npeers: [{ peers: a, fault: byzantine, behaviour: x }]", 5, ["sign-flip"]),
        ("healing: 99h\npeers: [{ peers: a, fault: churn, up: 1ms, down: 1ms }]", 5, ["so short"]),
        ("healing: 9s\nintruders: [{ kind: burglar }]", 5, ["intruders[0].kind", "garbage"]),
    ]

    @Test(arguments: mistakes) func mistakesAreToldWithTheirPlace(text: String, line: Int, words: [String]) {
        do {
            _ = try FaultSchedule.parse("# Wrong.\nmurmuration-faults: 1\nname: wrong\n" + text, file: "bad.yaml")
            Issue.record("read: \(text)")
        } catch {
            let message = "\(error)"
            #expect(message.hasPrefix("bad.yaml:\(line): "), "\(message)")
            for word in words { #expect(message.contains(word), "\(message)") }
        }
    }

    @Test func damagedFilesAreReadOrRefused() throws {
        var generator = SeededGenerator(seed: 11, label: "fault files")
        var read = 0
        for name in Self.shipped {
            let bytes = Array(try Data(contentsOf: Self.folder.appendingPathComponent("\(name).yaml")))
            for _ in 0..<300 {
                let text = String(decoding: Mutation.apply(to: bytes, using: &generator), as: UTF8.self)
                guard let schedule = try? FaultSchedule.parse(text, file: name) else { continue }
                read += 1
                #expect(try FaultSchedule.parse(schedule.yaml, file: "written") == schedule)
                // What was read can be planned and carried without a trap.
                guard let plan = try? FaultPlan(schedule, names: (0..<8).map { "peer-\($0)" }, seed: 3) else {
                    continue
                }
                var link = LinkModel(seed: 3, from: 0, to: 1)
                for second in 0..<20 {
                    let (conditions, released) = plan.conditions(from: 0, to: 1, at: .seconds(second))
                    _ = link.carry(
                        [UInt8](repeating: 1, count: 1200), at: .seconds(second), under: conditions, released: released)
                }
            }
        }
        #expect(read > 100, "\(read) of the damaged files could still be read")
    }
}
