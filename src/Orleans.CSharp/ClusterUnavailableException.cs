namespace MappingNets;

/// <summary>The cluster did not answer a worker for as long as <see cref="ClusterTrainingOptions.Patience"/> allows. The model holds the last step taken.</summary>
/// <param name="message">What was asked, and for how long.</param>
/// <param name="inner">The last failure.</param>
public sealed class ClusterUnavailableException(string message, Exception inner) : Exception(message, inner);
