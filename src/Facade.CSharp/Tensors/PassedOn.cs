using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Results that may be what the caller gave.</summary>
internal static class PassedOn
{
    /// <summary>
    /// Moves a result out of the current dispose scope. Where it is the input itself, handed on, an alias leaves: the caller's own tensor must
    /// not be moved between scopes.
    /// </summary>
    /// <param name="result">The result.</param>
    /// <param name="input">What it was computed from.</param>
    public static Tensor LeaveScopeBeside(this Tensor result, Tensor input) =>
        (ReferenceEquals(result, input) ? input.alias() : result).MoveToOuterDisposeScope();
}
