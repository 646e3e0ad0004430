using System.Security.Cryptography;
using System.Text;
using Orleans;

namespace MappingNets;

/// <summary>The workers of a try at a round, in one order for all.</summary>
/// <param name="Round">The round, from 0.</param>
/// <param name="Attempt">How many rosters there were before.</param>
/// <param name="Members">The workers.</param>
[GenerateSerializer, Immutable]
internal sealed record Roster([property: Id(0)] int Round, [property: Id(1)] int Attempt, [property: Id(2)] FederatedMember[] Members);

/// <summary>A worker as the others know it.</summary>
/// <param name="Worker">Its name, the hash of its secret.</param>
/// <param name="Samples">How many samples it has; 1 under noise, where all weigh the same and none tells it.</param>
/// <param name="PublicKey">Its public key of the run, on P-256, as SubjectPublicKeyInfo.</param>
[GenerateSerializer, Immutable]
internal sealed record FederatedMember([property: Id(0)] string Worker, [property: Id(1)] int Samples, [property: Id(2)] byte[] PublicKey)
{
    /// <summary>The name of who knows a secret.</summary>
    public static string NameOf(string secret) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)))[..32];
}

/// <summary>The answer to a worker that has come, is ready, or has sent its change.</summary>
/// <param name="Refusal">Why it may not take part; null where it may.</param>
/// <param name="Sum">The sum of the round's changes; empty where there is none yet, or none because a worker failed.</param>
/// <param name="Next">The workers of what comes next; null where it is to ask again.</param>
[GenerateSerializer, Immutable]
internal sealed record FederatedReply([property: Id(0)] string? Refusal, [property: Id(1)] byte[] Sum, [property: Id(2)] Roster? Next);
