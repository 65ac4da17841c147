import Basics
import Wire

/// "Everybody has the same file", checked: each tells its neighbours what it has, and takes nothing of those that have
/// something else.
extension PeerCore {
    /// Tells `peer` the own settings: the first that goes over a new session, so that it comes before any contribution.
    mutating func tellSettings(to peer: PeerID, at time: MonotonicTime) {
        guard let settings = configuration.settings else { return }
        wire.send(
            message: SettingsMessage.encoded(settings, limit: WireConfiguration.messageByteLimit), to: peer, at: time)
    }

    /// Takes a neighbour's message: what is not about settings, or of a version that is not known here, says nothing.
    mutating func takeMessage(_ bytes: [UInt8], from peer: PeerID, at time: MonotonicTime) {
        guard let settings = configuration.settings, let message = SettingsMessage(encoded: bytes),
            let index = neighbours.firstIndex(where: { $0.id == peer })
        else { return }
        let difference = message.difference(from: settings)
        guard difference != neighbours[index].settingsDifference else { return }
        neighbours[index].settingsDifference = difference
        if let difference {
            report(.settingsDiffer(peer, reason: difference), as: .settings, about: index, at: time)
        }
    }

    /// Why nothing of `peer` is mixed where its settings are other ones.
    func settingsRefusal(of peer: PeerID) -> String? {
        neighbours.first { $0.id == peer }?.settingsDifference.map { "it has another topology file: \($0)" }
    }
}
