import Adapters
import Basics
import Cryptography
import Faults
import Federation
import Wire

/// One peer of a simulated swarm: its keys, its process while it runs, its disk, its clock and its trainer.
struct SimulatedPeer: Sendable {
    let name: String
    let id: PeerID
    let keys: IdentityKeys
    /// Where the quadratic trainer is drawn to; nothing where others train.
    let target: [Float]
    let sampleCount: Int
    /// How long local steps take.
    let trainingTime: Duration
    /// Where datagrams to it arrive and where those from it come from.
    var address: NetworkAddress
    var clock: VirtualClock
    var disk: VirtualFileSystem

    var process: SimulatedProcess?
    /// How often it was started: what was begun in an earlier life is forgotten.
    var life = 0
    /// The moment on true time at which it is to be woken; other wake-ups in the heap are void.
    var wake: MonotonicTime?
    /// Until when the process stands still.
    var pausedUntil: MonotonicTime?
    /// Datagrams that wait for it to go on.
    var waiting = 0
    /// Who takes its local steps where that is not the quadratic toy, and the state that is to be restored first.
    var trainer: (any AdapterTrainer)?
    var restoring: [UInt8]?
    var slowness = 1.0
    var behaviour: ByzantineBehaviour?
    /// What the protocol must not forget, to be written when all else of the moment is done.
    var waitingMemory: EndpointMemory?
    /// The checkpoint that is being written.
    var writing: PeerCheckpoint?

    /// The last round that it spoke of, and how often its process was started.
    var lastRound = 0
    var starts = 0
    var final: AdapterDelta?
    /// Whether its process has said goodbye and takes nothing more.
    var hasStopped = false
    /// Whether its process came to its end by itself.
    var hasEnded = false
    /// Whether it will be started later.
    var returns = false
    /// What the peer's processes sent and received, without the one that runs.
    var pastTraffic = (sent: UInt64(0), received: UInt64(0))
}

extension SimulatedPeer {
    /// What a line of the trace says after the time, of something that happened to it.
    func line(_ kind: String, _ fields: (name: String, value: Any)...) -> String {
        TraceLine.text(name, kind, fields.map { .init($0.name, "\($0.value)") })
    }
}
