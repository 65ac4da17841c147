import ArgumentParser
import MurmurKit

/// The options that say who trains in a simulated swarm.
struct TrainerOptions: ParsableArguments {
    @Option(help: ArgumentHelp(TrainerChoice.help, valueName: TrainerChoice.words))
    var trainer = "quadratic"

    @Option(help: "Seconds of virtual time that local steps take, about; 1, or what was recorded, unless given.")
    var trainingTime: Double?

    @Option(help: "With --trainer lora: write what the trainers return to FOLDER/PEER/training.recording.")
    var record: String?

    @Flag(
        help: """
            With --trainer lora: simulate nothing, but measure how long the local steps of a round take on this machine, \
            one peer alone: what --training-time is modelled on.
            """)
    var pace = false

    func validate() throws {
        guard !pace || trainer == "lora" else { throw ValidationError("--pace is for --trainer lora") }
        if let trainingTime, !(trainingTime > 0 && trainingTime <= 1e6) {
            throw ValidationError("--training-time \(trainingTime): above 0")
        }
        guard record == nil || trainer == "lora" else {
            throw ValidationError("--record is for --trainer lora: of the others there is nothing to record")
        }
    }

    /// Who trains.
    var choice: TrainerChoice { TrainerChoice(trainer) }
}
