import Basics
import Faults
import Federation
import Simulation
import SwarmFile
import Synchronization
import Testing

/// One member tries to take the swarm over or to stop it: the others train all their rounds, agree, and are done in time.
/// docs/threat-model.md has a line for each of these.
@Suite struct TakeoverTests {
    /// What became of a run, of the honest peers.
    struct Outcome {
        var report: SimulationReport
        /// The rounds that each peer has trained.
        var trained: [String: Set<Int>] = [:]
        /// When each had its final adapter.
        var done: [String: Double] = [:]
        /// The words of the trace's lines, without the time.
        var words: [[Substring]] = []

        func slowest(_ names: [String]) -> Double { names.map { done[$0] ?? .infinity }.max() ?? .infinity }
        func count(_ event: String, of names: [String]) -> Int {
            words.count { $0.count > 1 && $0[1] == event && names.contains(String($0[0])) }
        }
    }

    /// Keeps the lines that tests look at.
    private final class Lines: Sendable {
        let kept = Mutex<[String]>([])
        static let events = [
            " trained ", " delivered", " caught_up ", " given_up ", " contribution_refused ", " suppressed ",
            " settled ",
            " denial_passed_over ",
        ]
        func add(_ line: String) {
            guard Self.events.contains(where: line.contains) else { return }
            kept.withLock { $0.append(line) }
        }
    }

    /// `beta` to `delta` in a line, and the liar beside `beta`; or a graph of 16 in which the liar has seven neighbours.
    static func topology(_ graph: String, rounds: Int = 20) throws -> SwarmTopology {
        let shape =
            graph == "line"
            ? "graph: { kind: edges, edges: [[0, 1], [1, 2], [2, 3]] }\npeers: { count: 4 }"
            : "graph: { kind: \(graph) }\npeers: { count: \(graph == "exponential" ? 16 : 5) }"
        return try SwarmTopology.parse(
            """
            murmuration: 1
            swarm: { name: takeover, seed: 16 }
            model: { base: builtin:fledgling }
            tuning: { rounds: \(rounds), local-steps: 4 }
            data: { source: builtin:chores }
            \(shape)
            """, file: "takeover.yaml")
    }

    static func run(
        _ graph: String, seed: UInt64, liar behaviour: ByzantineBehaviour?, from moment: Duration = .seconds(3)
    ) throws -> Outcome {
        var faults = FaultSchedule.none
        faults.network.delay = .uniform(.milliseconds(1), .milliseconds(20))
        if let behaviour {
            faults.healing = .seconds(10_000)
            faults.peers = [
                PeerFault(peers: .names(["peer-0"]), interval: .init(from: moment), kind: .byzantine(behaviour))
            ]
        }
        let lines = Lines()
        let scenario = SimulationScenario(topology: try topology(graph), faults: faults, seed: seed)
        var swarm = try SimulatedSwarm(scenario) { lines.add($0) }
        var outcome = Outcome(report: try swarm.run())
        for line in lines.kept.withLock({ $0 }) {
            let words = line.split(separator: " ")
            let name = String(words[1])
            outcome.words.append(Array(words.dropFirst()))
            switch words[2] {
            case "trained":
                let round = words.first { $0.hasPrefix("round=") }.flatMap { Int($0.dropFirst(6)) }
                outcome.trained[name, default: []].insert(try #require(round))
            case "delivered": outcome.done[name] = Double(words[0])
            default: break
            }
        }
        return outcome
    }

    static let attacks: [ByzantineBehaviour] = [.roundJump, .earlyFinal, .mute, .neverAgree, .flood]

    @Test(arguments: ["line", "ring", "exponential"], attacks) func honestPeersKeepTheirWork(
        graph: String, attack: ByzantineBehaviour
    ) throws {
        let runs = [(seed: UInt64(1), moment: Duration.seconds(3)), (2, .zero)]
        // The large graph takes most of the time.
        for (seed, moment) in graph == "exponential" ? Array(runs.prefix(1)) : runs {
            let quiet = try Self.run(graph, seed: seed, liar: nil)
            let outcome = try Self.run(graph, seed: seed, liar: attack, from: moment)
            #expect(outcome.report.violations.isEmpty, "\(outcome.report.violations)")
            let honest = quiet.report.peers.map(\.name).filter { $0 != "peer-0" }
            #expect(honest.allSatisfy { outcome.trained[$0] == Set(0..<20) })
            #expect(outcome.count("caught_up", of: honest) == 0)
            #expect(try #require(outcome.report.consensusDistance) < 1e-3)
            let (before, after) = (quiet.slowest(honest), outcome.slowest(honest))
            #expect(after <= 2 * before, "\(after) s instead of \(before) s")
            // They leave soon after that, too.
            #expect(outcome.report.seconds < after + 60)
        }
    }

    /// Who denies the agreement for ever is passed over by those that measure it; nobody gives up.
    @Test(arguments: ["line", "ring", "exponential"]) func aDenierIsPassedOver(graph: String) throws {
        let outcome = try Self.run(graph, seed: 6, liar: .neverAgree)
        let honest = outcome.report.peers.map(\.name).filter { $0 != "peer-0" }
        #expect(outcome.report.violations.isEmpty, "\(outcome.report.violations)")
        #expect(outcome.count("denial_passed_over", of: honest) > 0)
        #expect(outcome.count("settled", of: honest) == honest.count)
    }

    @Test func liesAboutRoundsAreRefusedAndTold() throws {
        for attack in [ByzantineBehaviour.roundJump, .earlyFinal] {
            let outcome = try Self.run("line", seed: 3, liar: attack)
            #expect(outcome.count("contribution_refused", of: ["peer-1"]) > 0)
        }
    }

    /// Who says that it is at work and contributes nothing is waited for as a slow peer is, and then no more.
    @Test(arguments: ["line", "exponential"]) func aStallerIsGivenUp(graph: String) throws {
        let quiet = try Self.run(graph, seed: 4, liar: nil)
        let outcome = try Self.run(graph, seed: 4, liar: .stall)
        let honest = quiet.report.peers.map(\.name).filter { $0 != "peer-0" }
        #expect(outcome.report.violations.isEmpty, "\(outcome.report.violations)")
        #expect(honest.allSatisfy { outcome.trained[$0] == Set(0..<20) })
        #expect(outcome.count("given_up", of: honest) > 0)
        #expect(outcome.slowest(honest) < quiet.slowest(honest) + 160)
    }

    /// Refusals of a flood do not fill the disk: after a burst one is written every ten seconds, with the number of the rest.
    @Test func aFloodIsCounted() throws {
        let outcome = try Self.run("line", seed: 5, liar: .flood)
        let told = outcome.count("contribution_refused", of: ["peer-1"])
        #expect(told > 5 && told < 40, "\(told)")
        #expect(outcome.count("suppressed", of: ["peer-1"]) > 0)
    }
}
