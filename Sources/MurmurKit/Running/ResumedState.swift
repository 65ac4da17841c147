import Federation
import Foundation
import Storage

/// What is done about a state that is of other settings than the run that would go on from it.
package enum ResumeChoice: Sendable, Hashable {
    /// It is refused.
    case refuse
    /// It is put away: the run begins anew.
    case restart
    /// Its adapter is kept under the new settings, and the optimiser begins anew.
    case continueWith
}

/// A state that lies where a run is to begin: whether the run may go on from it.
enum ResumedState {
    /// Keys that say what an adapter's numbers mean: under others they are another adapter.
    private static func isMeaning(_ key: String) -> Bool {
        key.hasPrefix("swarm.") || key.hasPrefix("model.") && key != "model.lora.dropout"
            || key == "exchange.residual-rank"
    }

    /// Throws where `state`, which `place` names, is of other settings than `settings` and `choice` does not say what to do.
    ///
    /// - Returns: what differs, in words; nil where nothing does, or where nobody knows what the state is of.
    static func check(
        _ state: SettingsFingerprint?, against settings: SettingsFingerprint?, at place: String, _ choice: ResumeChoice
    ) throws -> String? {
        guard let state, let settings else { return nil }
        let differences = settings.differences(from: state)
        guard !differences.isEmpty else { return nil }
        let text = differences.text(here: "now", there: "in the state")
        let meaning = differences.filter { isMeaning($0.key) }
        if !meaning.isEmpty {
            throw CommandFailure(
                "\(place) is of other settings (\(text)). Under another \(meaning[0].key) its adapter would be another "
                    + "one: --restart begins anew, another --out leaves it alone")
        }
        guard choice == .continueWith else {
            throw CommandFailure(
                "\(place) is of other settings (\(text)). Two ways on: --restart begins anew; --continue-with keeps the "
                    + "adapter and begins the optimiser anew")
        }
        return text
    }

    /// Makes the state of a peer in `store` ready for a run with `configuration`.
    ///
    /// - Returns: what is to be told of it; nil where the run just goes on, or begins.
    /// - Throws: `CommandFailure` where the run may not go on from it.
    static func prepare(
        _ store: CheckpointStore, for configuration: PeerConfiguration, _ choice: ResumeChoice
    ) throws -> String? {
        let (found, problems) = store.load()
        if choice == .restart {
            guard found != nil || !problems.isEmpty else { return nil }
            try store.removeCheckpoints()
            return "--restart: the state that was there is put away, the run begins anew"
        }
        guard var checkpoint = found else {
            if !problems.isEmpty {
                Terminal.note(
                    "murmur: no checkpoint in \(store.folder) can be read, so this peer begins anew with round 1 and takes "
                        + "over from the others what it has missed: \(problems.joined(separator: "; "))")
            }
            return nil
        }
        guard
            let difference = try check(
                checkpoint.settings, against: configuration.stateSettings, at: store.folder, choice)
        else { return nil }
        let before = checkpoint.settings?["tuning.rounds"].flatMap { Int($0) } ?? configuration.rounds
        // A state of settling or of the end goes back to where training ended: the new settings may have more rounds of
        // it.
        checkpoint.round = min(checkpoint.round, before, configuration.rounds)
        checkpoint.isFinished = false
        checkpoint.trainerSnapshot = []
        // What one mixing rule keeps means nothing to another.
        if difference.contains("exchange.") { checkpoint.exchangeState = [] }
        checkpoint.settings = configuration.stateSettings
        try store.save(checkpoint)
        let rest =
            checkpoint.round < configuration.rounds
            ? "the optimiser begins anew" : "no round with training is left: more tuning.rounds would train on"
        return "--continue-with: \(difference); the adapter is kept, \(rest)"
    }
}
