import MurmurKit
import Observability
import Storage
import SwarmFile
import Testing

@Suite struct ParticipationTests {
    static func event(_ name: String, at time: Double = 100, _ fields: [(String, JSONValue)] = []) -> LoggedEvent {
        LoggedEvent(time: time, peer: "ada", event: name, fields: JSONObject(fields))
    }

    static func mixed(_ round: Int, with present: [String], without absent: [String] = []) -> LoggedEvent {
        event(
            "mixed",
            [
                ("round", .integer(round)), ("present", .array(present.map { .text($0) })),
                ("absent", .array(absent.map { .text($0) })),
            ])
    }

    static func started(_ round: Int = 0, resumed: Bool = false, at time: Double = 100) -> LoggedEvent {
        event("started", at: time, [("round", .integer(round)), ("resumed", .bool(resumed))])
    }

    static func met(_ name: String, at time: Double = 101) -> LoggedEvent {
        event("connected", at: time, [("neighbour", .text(name))])
    }

    /// A run of four rounds with the neighbours ben and cleo.
    static func folded(_ events: [LoggedEvent]) -> Participation {
        var participation = Participation(peer: "ada", rounds: 4, neighbours: ["ben", "cleo"])
        for event in events { participation.record(event) }
        return participation
    }

    static let all = Quorum(.all, of: 3)

    @Test func everybodyTookPart() {
        let rounds = (0..<6).map { Self.mixed($0, with: ["ben", "cleo"]) }
        let run = Self.folded([Self.started(), Self.met("ben"), Self.met("cleo")] + rounds)
        #expect(run.leftOut.isEmpty && !run.isAlone)
        #expect(run.status(Self.all) == .success)
        #expect(run.neighbours["ben"]?.mixed.total == 4 && run.neighbours["ben"]?.settlingMixed.total == 2)
        #expect(run.table.rows.map(\.last) == ["took part", "took part"])
    }

    @Test func nobodyWasEverMet() {
        let run = Self.folded([Self.started()] + (0..<5).map { Self.mixed($0, with: [], without: ["ben", "cleo"]) })
        #expect(run.leftOut.map(\.absence) == [.neverMet, .neverMet])
        #expect(run.isAlone && run.status(Self.all) == .alone)
        #expect(run.status(Quorum(.peers(1), of: 3)) == .success)
        #expect(run.status(Quorum(.seconds(30), of: 3)) == .success, "only those met within the time are asked for")
        #expect(run.remarks(.alone).contains { $0.contains("ben (never met), cleo (never met)") })
    }

    @Test func whoIsRefusedOrBarredIsLeftOut() {
        let refused = (0..<4).map {
            Self.event(
                "contribution_refused",
                [
                    ("neighbour", .text("ben")), ("round", .integer($0)),
                    ("reason", .text("it is for another base model")),
                ])
        }
        let barred = Self.event("neighbour_barred", [("neighbour", .text("cleo")), ("reason", .text("revoked"))])
        let run = Self.folded(
            [Self.started(), Self.met("ben"), Self.met("cleo"), barred] + refused
                + (0..<4).map { Self.mixed($0, with: [], without: ["ben", "cleo"]) })
        #expect(run.leftOut.map(\.absence) == [.refused("it is for another base model"), .barred])
        #expect(run.neighbours["ben"]?.refused == 4)
        #expect(run.status(Self.all) == .alone)
        let differing = Self.folded([
            Self.started(), Self.met("ben"),
            Self.event(
                "settings_differ",
                [("neighbour", .text("ben")), ("reason", .text("model.lora.alpha: here 8, there 64"))]),
        ])
        #expect(differing.status(Self.all) == .unequal)
    }

    @Test(arguments: [(missing: 3, since: 3), (missing: 2, since: 2)]) func theEndCounts(missing: Int, since: Int) {
        let rounds = (0..<6).map {
            $0 < missing ? Self.mixed($0, with: ["ben", "cleo"]) : Self.mixed($0, with: ["cleo"], without: ["ben"])
        }
        let run = Self.folded([Self.started(), Self.met("ben"), Self.met("cleo")] + rounds)
        #expect(run.leftOut.map(\.name) == ["ben"] && run.leftOut[0].absence == .missingSince(round: since))
        #expect(run.status(Self.all) == .partial)
        #expect(run.status(Quorum(.peers(2), of: 3)) == .success)
        #expect(run.remarks(.success).contains { $0.contains("as it was asked for") })
    }

    @Test func whoMissedARoundInTheMidstTookPart() {
        let run = Self.folded(
            [Self.started(), Self.met("ben"), Self.met("cleo"), Self.mixed(0, with: ["ben", "cleo"])]
                + [Self.mixed(1, with: ["cleo"], without: ["ben"]), Self.mixed(2, with: ["ben", "cleo"])])
        #expect(run.leftOut.isEmpty && run.neighbours["ben"]?.missed.total == 1)
    }

    @Test func aPartThatGoesOnTakesBackTheRoundsThatItDoesAgain() {
        let first = [Self.started(), Self.met("ben"), Self.mixed(0, with: ["ben"]), Self.mixed(1, with: ["ben"])]
        let second = [Self.started(1, resumed: true, at: 200), Self.mixed(1, with: [], without: ["ben"])]
        let run = Self.folded(first + second)
        #expect(run.neighbours["ben"]?.mixed.total == 1 && run.neighbours["ben"]?.missed.total == 1)
        #expect(run.starts == 2 && !run.isCut)
        let anew = Self.folded(first + [Self.started(at: 200)])
        #expect(anew.neighbours["ben"]?.mixed.total == 0 && anew.starts == 2)
    }

    @Test func whatIsNotInTheLogIsNotHeldAgainstAnybody() {
        let run = Self.folded([Self.started(7, resumed: true), Self.event("finished", [("round", .integer(7))])])
        #expect(run.isCut && run.leftOut.isEmpty && run.status(Self.all) == .success)
        #expect(run.remarks(.success).contains { $0.contains("does not hold the earlier parts") })
    }

    @Test func ownLossesAreSaid() {
        let run = Self.folded([
            Self.started(), Self.met("ben"), Self.met("cleo"),
            Self.event("training_failed", [("round", .integer(0)), ("reason", .text("no"))]),
            Self.mixed(0, with: ["ben", "cleo"]),
            Self.event(
                "caught_up",
                [("from_round", .integer(1)), ("round", .integer(3)), ("donors", .array([.text("ben")]))]),
            Self.mixed(3, with: ["ben", "cleo"]), Self.event("checkpointed", [("round", .integer(4))]),
            Self.event("state_damaged", [("reason", .text("checkpoint.bin: cut short"))]),
        ])
        #expect(run.failed.total == 1 && run.skipped.total == 2 && run.checkpointRound == 4)
        #expect(run.neighbours["ben"]?.adopted == 1)
        #expect(run.status(Self.all) == .short)
        #expect(run.remarks(.short).count == 3)
    }

    @Test func theSummaryHasTheTable() throws {
        let shares = Self.event("shares", [("shares", .object(JSONObject([("ben", .number(0.25))])))])
        let run = Self.folded([
            Self.started(), Self.met("ben", at: 105), Self.mixed(0, with: ["ben"], without: ["cleo"]), shares,
        ])
        let summary = run.summary
        #expect(summary.neighbours["ben"]?.share == 0.25 && summary.neighbours["ben"]?.tookPart == true)
        #expect(summary.neighbours["cleo"]?.tookPart == false && summary.leftOut == ["cleo": "never met"])
        #expect(try JSONText.of(summary).contains("\"took_part\" : true"))
    }
}
