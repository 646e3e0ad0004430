namespace MappingNets.Experiments.Fuzz;

/// <summary>How a case ended.</summary>
internal enum Outcome
{
    /// <summary>What was read is what the good file holds.</summary>
    Equal,

    /// <summary>Something else was read from a file that carries no signature, or was signed anew.</summary>
    Other,

    /// <summary>It was refused by the documented exception, with the file's name and a short message.</summary>
    Refused,

    /// <summary>Anything else.</summary>
    Fault,
}
