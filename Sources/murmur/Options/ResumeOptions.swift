import ArgumentParser
import MurmurKit

/// The options that say what is done about a state of other settings.
struct ResumeOptions: ParsableArguments {
    @Flag(name: [.customLong("restart")], help: "Begin anew, whatever state is there.")
    var restart = false

    @Flag(
        name: .customLong("continue-with"),
        help: """
            Go on from a state of other settings: its adapter is kept, the optimiser begins anew. Without this, and \
            without --restart, such a state is refused.
            """)
    var continueWith = false

    func validate() throws {
        guard !(restart && continueWith) else {
            throw ValidationError("--restart begins anew and --continue-with goes on; give one of them")
        }
    }

    var choice: ResumeChoice { restart ? .restart : continueWith ? .continueWith : .refuse }
}
