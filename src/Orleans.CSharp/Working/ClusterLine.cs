using System.Diagnostics;
using Orleans.Runtime;

namespace MappingNets;

/// <summary>
/// A worker's line to the grain of its run: asks until there is an answer. Silos come and go; the grain then lives elsewhere, and asking
/// twice changes nothing.
/// </summary>
internal sealed class ClusterLine(IRunGrain run, ClusterTrainingOptions options, CancellationToken cancellation)
{
    private static readonly TimeSpan BetweenTries = TimeSpan.FromMilliseconds(100);

    /// <summary>Asks, and waits for the answer.</summary>
    /// <exception cref="ClusterUnavailableException">There is none.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public T Ask<T>(Func<IRunGrain, Task<T>> what) => AskAsync(what).GetAwaiter().GetResult();

    /// <summary>Tells.</summary>
    /// <exception cref="ClusterUnavailableException">Nobody hears.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public void Tell(Func<IRunGrain, Task> what) => Ask(async grain =>
    {
        await what(grain);
        return true;
    });

    /// <summary>Waits a moment before asking again.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public void Pause() => Task.Delay(BetweenTries, cancellation).GetAwaiter().GetResult();

    /// <summary>Tells, for a worker that ends and needs no answer.</summary>
    public async Task TryTellAsync(Func<IRunGrain, Task> what)
    {
        try
        {
            await what(run).WaitAsync(options.Deadline);
        }
        catch (Exception fault) when (IsOfTheCluster(fault))
        {
        }
    }

    private async Task<T> AskAsync<T>(Func<IRunGrain, Task<T>> what)
    {
        var clock = Stopwatch.StartNew();
        for (; ; )
        {
            try
            {
                // The grain answers within half a deadline; what takes four times as long is lost with a silo.
                return await what(run).WaitAsync(2 * options.Deadline, cancellation).ConfigureAwait(false);
            }
            catch (Exception fault) when (IsOfTheCluster(fault))
            {
                if (clock.Elapsed >= options.Patience)
                    throw new ClusterUnavailableException(
                        $"The cluster has not answered for {clock.Elapsed.TotalSeconds:0} s ({nameof(ClusterTrainingOptions)}.{nameof(ClusterTrainingOptions.Patience)}): {fault.Message}", fault);
                await Task.Delay(BetweenTries, cancellation).ConfigureAwait(false);
            }
        }
    }

    private static bool IsOfTheCluster(Exception fault) =>
        fault is OrleansException or TimeoutException or IOException or System.Net.Sockets.SocketException;
}
