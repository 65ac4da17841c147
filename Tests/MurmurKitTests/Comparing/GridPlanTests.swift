import Federation
import MurmurKit
import SwarmFile
import TestSupport
import Testing

@Suite struct GridPlanTests {
    static func topology(rounds: Int = 4) throws -> SwarmTopology {
        let folder = try TemporaryFolder()
        return try SwarmComposition.load(try SmallTopology.write(in: folder, peers: 4, rounds: rounds)).topology
    }

    static func plan(
        _ grid: [String], seeds: Int = 1, sweepSeeds: Int? = nil, rounds: Int = 4
    ) throws -> GridPlan {
        try GridPlan(
            try topology(rounds: rounds), axes: try GridAxis.all(grid), seeds: seeds, sweepSeeds: sweepSeeds)
    }

    private static func labels(_ plan: GridPlan, _ method: GridMethod) -> [String] {
        plan.cells.filter { $0.method == method }
            .map { $0.labels.map { "\($0.key)=\($0.value)" }.joined(separator: " ") }
    }

    @Test func eachMethodHasTheCellsThatMatterToIt() throws {
        let plan = try Self.plan([
            "graph.kind=ring,complete", "tuning.local-steps=1,2", "tuning.batch=2,4", "network.loss=0,10%",
        ])
        #expect(Self.labels(plan, .gossip).count == 16)
        #expect(
            Self.labels(plan, .fedavg) == [
                "tuning.local-steps=1 tuning.batch=2", "tuning.local-steps=1 tuning.batch=4",
                "tuning.local-steps=2 tuning.batch=2", "tuning.local-steps=2 tuning.batch=4",
            ])
        #expect(Self.labels(plan, .alone) == ["tuning.batch=2", "tuning.batch=4"])
        #expect(Self.labels(plan, .pooledSteps) == ["tuning.batch=2", "tuning.batch=4"])
        #expect(Self.labels(plan, .base) == [""])
        #expect(plan.rates == ["0.005"], "the file's, where none is swept")
    }

    @Test func budgetsStayEqual() throws {
        let plan = try Self.plan(["tuning.local-steps=1,2,4"])
        let tunings = plan.cells.filter { $0.method == .gossip }.map(\.setting.topology.tuning)
        #expect(tunings.map(\.rounds) == [4, 2, 1] && tunings.allSatisfy { $0.totalSteps == 4 })
        let uneven = try Self.plan(["tuning.local-steps=1,2", "tuning.rounds=1,3"])
        #expect(Self.labels(uneven, .alone) == ["steps=1", "steps=3", "steps=2", "steps=6"])
        let failure = #expect(throws: CommandFailure.self) { try Self.plan(["tuning.local-steps=3"]) }
        #expect(failure?.description.contains("4 steps") == true)
    }

    @Test func epochsStandInPlaceOfSteps() throws {
        let plan = try Self.plan(["tuning.local-epochs=1,2.5", "tuning.batch=4,8"])
        let tunings = plan.cells.filter { $0.method == .gossip }.map(\.setting.topology.tuning)
        #expect(tunings.map(\.localEpochs) == [1, 1, 2.5, 2.5] && tunings.allSatisfy { $0.rounds == 4 })
        #expect(
            Self.labels(plan, .alone) == [
                "tuning.batch=4 steps=4 epochs", "tuning.batch=8 steps=4 epochs", "tuning.batch=4 steps=10 epochs",
                "tuning.batch=8 steps=10 epochs",
            ])
        let prints = Set(
            plan.cells.filter { $0.method == .pooledSteps }
                .map { plan.run($0, seed: 7, rate: "5e-3").settings(beside: []).digest })
        #expect(prints.count == 4, "what is kept tells the epochs apart")
    }

    @Test func keysWithoutAMeaningTellNothingApart() throws {
        let plan = try Self.plan(["data.partition.scheme=shards,dirichlet", "data.partition.alpha=0.1,1"])
        #expect(
            Self.labels(plan, .alone) == [
                "data.partition.scheme=shards", "data.partition.scheme=dirichlet data.partition.alpha=0.1",
                "data.partition.scheme=dirichlet data.partition.alpha=1",
            ])
        // A rule that sends single precision has the compression that a file without the key has.
        let mixing = try Self.plan(["exchange.mixing=metropolis,push-sum"])
        let compressions = mixing.cells.filter { $0.method == .gossip }.map { cell in
            cell.setting.topology.sharedSettings.first { $0.key == "exchange.compression" }?.value
        }
        #expect(compressions == ["bf16", "none"])
    }

    /// The modes that average products are compared as any other key; a rank is a label of the mode that has one.
    @Test func residualsAreCompared() throws {
        let plan = try Self.plan([
            "exchange.factors=both,product,product-residual", "exchange.residual-rank=2,5",
        ])
        #expect(
            Self.labels(plan, .gossip) == [
                "exchange.factors=both", "exchange.factors=product",
                "exchange.factors=product-residual exchange.residual-rank=2",
                "exchange.factors=product-residual exchange.residual-rank=5",
            ])
        #expect(Self.labels(plan, .fedavg) == [""] && Self.labels(plan, .alone) == [""])
        let gossip = plan.cells.filter { $0.method == .gossip }.map { $0.setting.topology.residualRank }
        #expect(gossip == [0, 0, 2, 5])
    }

    @Test(arguments: [
        ("graph.sort=ring", "graph.kind"), ("graph.kind", "a key and its values"), ("graph.kind=ring,", "empty"),
        ("graph.kind=ring,ring", "twice"), ("swarm.seed=1,2", "no key that can be varied"),
    ])
    func mistakesInAnAxisAreNamed(text: String, words: String) {
        let failure = #expect(throws: CommandFailure.self) { try GridAxis(text) }
        #expect(failure?.description.contains(words) == true, "\(String(describing: failure))")
        #expect(failure?.description.contains("\n") == false)
    }

    @Test(arguments: [
        (["tuning.batch=0"], "tuning.batch=0"), (["tuning.learning-rate=1e-3,x"], "tuning.learning-rate=x"),
        (["graph.kind=rings"], "ring"), (["network.loss=1"], "network.loss=1"),
        (["network.faults=/none/such.yaml"], "/none/such.yaml"),
        (["exchange.mixing=push-sum", "exchange.compression=int4"], "exchange.compression"),
    ])
    func valuesThatAreNotAllowedAreNamed(grid: [String], words: String) {
        let failure = #expect(throws: CommandFailure.self) { try Self.plan(grid) }
        #expect(failure?.description.contains(words) == true, "\(String(describing: failure))")
        #expect(failure?.description.hasPrefix("--grid") == true)
    }

    @Test func aKeyIsGivenOnce() {
        #expect(throws: CommandFailure.self) { try GridAxis.all(["graph.kind=ring", "graph.kind=star"]) }
    }

    @Test func theSweepHasTheFirstSeeds() throws {
        let plan = try Self.plan(["tuning.learning-rate=1e-3,2e-3,4e-3"], seeds: 5, sweepSeeds: 2)
        #expect(plan.seeds == [7, 8, 9, 10, 11] && plan.sweepSeeds == [7, 8])
        // Five methods that train, three rates, two seeds; the base model needs no rate.
        #expect(plan.sweep.count == 5 * 3 * 2 + 2)
        #expect(plan.sweep.allSatisfy { plan.sweepSeeds.contains($0.seed) })
    }

    @Test func aFingerprintHoldsWhatTheFiguresDependOn() throws {
        let plan = try Self.plan([
            "graph.kind=ring,complete", "data.partition.scheme=iid,shards", "tuning.local-steps=1,2",
        ])
        func fingerprints(_ method: GridMethod) -> Int {
            let runs = plan.cells.filter { $0.method == method }.map { plan.run($0, seed: 7, rate: "5e-3") }
            return Set(runs.map { $0.settings(beside: []).digest }).count
        }
        #expect(GridMethod.allCases.map(fingerprints) == [1, 2, 8, 4, 1, 1])
        let cell = try #require(plan.cells.first { $0.method == .pooledSteps })
        let run = plan.run(cell, seed: 7, rate: "5e-3").settings(beside: [.init("measure.validation", "1")])
        #expect(run != plan.run(cell, seed: 8, rate: "5e-3").settings(beside: [.init("measure.validation", "1")]))
        #expect(run != plan.run(cell, seed: 7, rate: "6e-3").settings(beside: [.init("measure.validation", "1")]))
        #expect(run != plan.run(cell, seed: 7, rate: "5e-3").settings(beside: [.init("measure.validation", "2")]))
        #expect(run == plan.run(cell, seed: 7, rate: "0.005").settings(beside: [.init("measure.validation", "1")]))
        // What a network loses matters to gossip alone.
        let lossy = try Self.plan(["network.loss=0,0.1"])
        let gossip = lossy.cells.filter { $0.method == .gossip }.map { lossy.run($0, seed: 7, rate: "1e-3") }
        #expect(Set(gossip.map { $0.settings(beside: []).digest }).count == 2)
        #expect(lossy.cells.count { $0.method == .fedavg } == 1)
    }
}
