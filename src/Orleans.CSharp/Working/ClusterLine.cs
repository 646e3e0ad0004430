using System.Diagnostics;
using Orleans;
using Orleans.Runtime;
using Orleans.Runtime.Messaging;

namespace MappingNets;

/// <summary>
/// A worker's line to the grain of its run: asks until there is an answer. Silos come and go; the grain then lives elsewhere, and asking
/// twice changes nothing.
/// </summary>
/// <param name="run">The grain.</param>
/// <param name="deadline">About how long the grain may take to answer.</param>
/// <param name="patience">How long it is asked in vain.</param>
/// <param name="cancellation">Ends the asking.</param>
/// <param name="limit">How long a message may be; null where nothing bounds it that is known here.</param>
internal sealed class ClusterLine<TGrain>(
    TGrain run, TimeSpan deadline, TimeSpan patience, CancellationToken cancellation, MessageLimit? limit = null)
    where TGrain : IGrainWithStringKey
{
    private static readonly TimeSpan BetweenTries = TimeSpan.FromMilliseconds(100);

    // The grain answers within half a deadline or a few seconds, and messages take a while on the line; what takes four times as long is lost with a silo.
    // Half the patience at most, so that the grain is asked again.
    private readonly TimeSpan lost = Longer(Shorter(2 * deadline, patience / 2), 2 * WaitingCall.Within(deadline));

    /// <summary>Whether it is known how long a message may be.</summary>
    public bool IsLimited => limit is not null;

    /// <summary>How many parts of a step go into one message, from the first on: at least one where there are any.</summary>
    public int Fitting(IReadOnlyList<Part> parts) => limit?.Fitting(parts) ?? parts.Count;

    /// <summary>Refuses what would make a message too long, in either direction.</summary>
    /// <param name="what">What it is, as the beginning of a sentence.</param>
    /// <param name="bytes">How many bytes it has.</param>
    /// <exception cref="InvalidOperationException">It is longer than a message may be.</exception>
    public void RequireRoom(string what, long bytes) => limit?.Require(what, bytes);

    /// <summary>Asks, and waits for the answer.</summary>
    /// <exception cref="ClusterUnavailableException">There is none.</exception>
    /// <exception cref="InvalidOperationException">The question or the answer is longer than a message may be.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public T Ask<T>(Func<TGrain, Task<T>> what) => AskAsync(what).GetAwaiter().GetResult();

    /// <summary>Tells.</summary>
    /// <exception cref="ClusterUnavailableException">Nobody hears.</exception>
    /// <exception cref="InvalidOperationException">It is longer than a message may be.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public void Tell(Func<TGrain, Task> what) => Ask(async grain =>
    {
        await what(grain);
        return true;
    });

    /// <summary>Waits a moment before asking again.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public void Pause() => Task.Delay(BetweenTries, cancellation).GetAwaiter().GetResult();

    /// <summary>Tells, for a worker that ends and needs no answer.</summary>
    public async Task TryTellAsync(Func<TGrain, Task> what)
    {
        try
        {
            await what(run).WaitAsync(deadline);
        }
        catch (Exception fault) when (IsOfTheCluster(fault))
        {
        }
    }

    private async Task<T> AskAsync<T>(Func<TGrain, Task<T>> what)
    {
        var clock = Stopwatch.StartNew();
        for (; ; )
        {
            try
            {
                return await what(run).WaitAsync(lost, cancellation).ConfigureAwait(false);
            }
            catch (InvalidMessageFrameException fault)
            {
                // It has the same length when it is sent again.
                throw new InvalidOperationException($"A message of the run is too long: {fault.Message}. {MessageLimit.Remedy}", fault);
            }
            catch (Exception fault) when (IsOfTheCluster(fault))
            {
                if (clock.Elapsed >= patience)
                    throw new ClusterUnavailableException(
                        $"The cluster has not answered for {clock.Elapsed.TotalSeconds:0} s ({nameof(ClusterTrainingOptions)}.{nameof(ClusterTrainingOptions.Patience)}): {fault.Message}", fault);
                await Task.Delay(BetweenTries, cancellation).ConfigureAwait(false);
            }
        }
    }

    private static TimeSpan Shorter(TimeSpan first, TimeSpan second) => first < second ? first : second;

    private static TimeSpan Longer(TimeSpan first, TimeSpan second) => first > second ? first : second;

    private static bool IsOfTheCluster(Exception fault) =>
        fault is OrleansException or TimeoutException or IOException or System.Net.Sockets.SocketException;
}
