namespace MappingNets;

/// <summary>How a file stores numbers; what a model computes with stays single precision.</summary>
public enum StoredPrecision
{
    /// <summary>Four bytes a number, bit for bit.</summary>
    Single,

    /// <summary>Two bytes a number: IEEE half precision, a relative error of at most 2^-11, up to 65,504.</summary>
    Half,

    /// <summary>
    /// One byte a number: whole multiples from -127 to 127 of a step that neighbours share. An error of at most half a step, where
    /// 127 steps are the largest of them; the step itself is in half precision, which may add one part in 2,048.
    /// </summary>
    Int8,

    /// <summary>Half a byte a number: as <see cref="Int8"/>, with multiples from -7 to 7.</summary>
    Int4,
}
