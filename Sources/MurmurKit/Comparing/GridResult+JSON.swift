package import Storage
import SwarmFile

extension GridResult {
    /// The figures, for programs: every row with its chosen rate, and every run.
    package var json: JSONValue {
        func text(_ values: [String]) -> JSONValue { .array(values.map { .text($0) }) }
        let axes = plan.axes.map { ($0.name, text($0.values)) }
        return .object(
            JSONObject([
                ("swarm", .text(plan.base.topology.swarm.name)), ("version", .text(Release.version)),
                ("grid", .object(JSONObject(axes))), ("rates", text(plan.rates)),
                ("seeds", .array(plan.seeds.map { .text("\($0)") })), ("sweep_seeds", .integer(plan.sweepSeeds.count)),
                ("arms", .array(rows.map(json(of:)))),
                (
                    "runs",
                    .array(runs.map { .object(JSONObject(Self.members(of: $0.run) + [("outcome", $0.outcome.json)])) })
                ),
                ("notes", text(notes)),
            ]))
    }

    private static func members(of run: GridRun) -> [(String, JSONValue)] {
        let topology = run.setting.topology
        return [
            ("method", .text(run.method.rawValue)), ("seed", .text("\(run.seed)")),
            ("rate", run.rate.map { .text($0) } ?? .null),
            (
                "settings",
                .object(
                    JSONObject(
                        topology.sharedSettings.filter { $0.key != "peers" }.map { ($0.key, .text($0.value)) }
                            + [
                                ("network.loss", .text("\(run.setting.loss)")),
                                ("network.faults", .text(run.setting.faultsFile)),
                            ]))
            ),
        ]
    }

    private func json(of row: Row) -> JSONValue {
        func numbers(_ values: [Double?]) -> JSONValue { .array(values.map { $0.map { .number($0) } ?? .null }) }
        func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
        func interval(_ interval: SeedInterval?) -> JSONValue {
            guard let interval else { return .null }
            return .object(
                JSONObject([
                    ("mean", .number(interval.mean)), ("half_width", number(interval.half)),
                    ("seeds", .integer(interval.count)), ("verdict", .text(interval.verdict.rawValue)),
                ]))
        }
        var members: [(String, JSONValue)] = [
            ("arm", .text(row.arm.rawValue)),
            ("settings", .object(JSONObject(row.cell.labels.map { ($0.key, .text($0.value)) }))),
            ("rounds", .integer(row.cell.setting.topology.tuning.rounds)),
            (
                "local_steps",
                row.cell.setting.topology.tuning.localEpochs == nil
                    ? .integer(row.cell.setting.topology.tuning.localSteps) : .null
            ),
            ("local_epochs", number(row.cell.setting.topology.tuning.localEpochs)),
            ("rate", row.choice.map { .text($0.rate) } ?? .null),
            ("rate_place", row.choice.map { .text($0.place.rawValue) } ?? .null),
            (
                "validation",
                .object(JSONObject((row.choice?.losses ?? []).map { ($0.rate, number($0.mean)) }))
            ),
            ("held_out", numbers(row.losses)), ("exact_match", numbers(row.exactMatches)),
            ("bytes_per_peer", number(row.arm == .alone ? nil : row.bytes)),
            ("minus_fedavg", interval(minus(server(beside: row), row.losses))),
            ("minus_best_fedavg", interval(minus(bestServer(beside: row), row.losses))),
        ]
        if row.arm == .alone {
            members.append(("best", numbers(row.outcomes.map { $0?.range(.alone)?.lowerBound })))
            members.append(("worst", numbers(row.outcomes.map { $0?.range(.alone)?.upperBound })))
        }
        if row.arm == .gossip {
            members += [
                ("before_settling", numbers(row.unsettled)), ("worst_before_settling", numbers(row.worstUnsettled)),
                ("average", numbers(row.average)),
                ("peers_minus_average", interval(SeedInterval.difference(row.unsettled, row.average))),
                ("bytes_per_peer_before_settling", number(row.bytesUnsettled)),
                ("better_than_alone", gained(row).map { .array([.integer($0.better), .integer($0.of)]) } ?? .null),
            ]
        }
        return .object(JSONObject(members))
    }
}
