import Foundation
import InstructionTuning
import MurmurKit
import SwarmFile
import TestSupport

extension TrainerScript {
    /// The factory of two peers whose trainers run the script in `mode`. With `once` they do wrong the first time only, and
    /// those started later behave.
    static func trainers(
        in folder: borrowing TemporaryFolder, mode: String = "good", once: Bool = false, proximal: Double = 0,
        tracking: Bool = false, _ change: (inout SwarmTopology.TrainerCommand) -> Void = { _ in }
    ) throws -> CommandTrainers {
        try folder.write(text, to: "trainer.py")
        // No limit of the tests' own: on a busy machine hundreds of them share two threads.
        var command = SwarmTopology.TrainerCommand(
            ["python3", folder.path("trainer.py"), mode, once ? folder.path("marker") : "", folder.path("pid")])
        (command.silenceLimit, command.startLimit) = (3600, 3600)
        command.roundLimit = 3600
        command.restarts = 1
        change(&command)
        return try factory(in: folder, command, proximal: proximal, tracking: tracking)
    }

    static func factory(
        in folder: borrowing TemporaryFolder, _ command: SwarmTopology.TrainerCommand, proximal: Double = 0,
        tracking: Bool = false
    ) throws -> CommandTrainers {
        var topology = try SwarmComposition.load(try SmallTopology.write(in: folder)).topology
        topology.tuning.proximal = proximal
        topology.exchange.tracking = tracking
        return try CommandTrainers(
            topology, try ModelComposition.partition(topology), command, threads: 1, folder: folder.path("run"))
    }
}
