using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans;
using Orleans.Configuration;
using Orleans.Runtime;

namespace MappingNets;

/// <summary>
/// The longest message of a client. Lengths are looked at before anything is sent: where a message is longer, Orleans closes the connection and sends it again
/// over the next one, and who waits hears nothing but that no answer comes.
/// </summary>
/// <param name="longest">How many bytes a message may have.</param>
internal sealed class MessageLimit(int longest)
{
    // For what goes with gradients and states in a message: names, settings, figures and headers.
    private const int Envelope = 1 << 16;

    /// <summary>What helps against messages that are too long.</summary>
    public static readonly string Remedy = FormattableString.Invariant(
        $"Call {nameof(ClusterHosting.AddMappingNetsTraining)} for clients as for silos, which allows {ClusterHosting.LargestMessage} bytes, or train fewer parameters, such as through a mapping.");

    /// <summary>The limit of a client; null for a silo, which may hold the run itself, so that nothing travels, and where nothing is known.</summary>
    public static MessageLimit? Of(IGrainFactory cluster) =>
        cluster is IClusterClient { ServiceProvider: { } services } && services.GetService<ILocalSiloDetails>() is null
            ? new(services.GetRequiredService<IOptions<ClientMessagingOptions>>().Value.MaxMessageBodySize)
            : null;

    /// <summary>How many parts of a step go into one message, from the first on: at least one where there are any, although that may be too long.</summary>
    public int Fitting(IReadOnlyList<Part> parts)
    {
        var (count, bytes) = (0, 0L);
        foreach (var part in parts)
        {
            bytes += part.Bytes;
            if (count > 0 && bytes > longest - Envelope)
                break;
            count++;
        }

        return count;
    }

    /// <summary>Refuses what makes a message too long.</summary>
    /// <param name="what">What it is, as the beginning of a sentence.</param>
    /// <param name="bytes">How many bytes it has.</param>
    /// <exception cref="InvalidOperationException">It is longer than a message of this client may be.</exception>
    public void Require(string what, long bytes)
    {
        if (bytes > longest - Envelope)
            throw new InvalidOperationException(FormattableString.Invariant(
                $"{what} takes {bytes} bytes, and a message of this client at most {longest} ({nameof(ClientMessagingOptions)}.{nameof(ClientMessagingOptions.MaxMessageBodySize)}), of which {Envelope} are for what goes with it. {Remedy}"));
    }
}
