// Runs in the report's page: a click on a column's heading sorts its table, and one on a large picture shows it in full.
for (const table of document.querySelectorAll('table.sortable')) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    heading.querySelector('button')?.addEventListener('click', () => {
      const ascending =
        heading.getAttribute('aria-sort') === null
          ? !heading.classList.contains('number')
          : heading.getAttribute('aria-sort') === 'descending';
      for (const other of headings) other.removeAttribute('aria-sort');
      heading.setAttribute('aria-sort', ascending ? 'ascending' : 'descending');
      const body = table.tBodies[0];
      const valueOf = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
      const compare = (one, other) => {
        const [first, second] = [valueOf(one), valueOf(other)];
        const numbers = first !== '' && second !== '' && Number.isFinite(Number(first)) && Number.isFinite(Number(second));
        return numbers ? Number(first) - Number(second) : first.localeCompare(second);
      };
      const rows = [...body.rows].sort(compare);
      body.append(...(ascending ? rows : rows.reverse()));
    });
  });
}

for (const picture of document.querySelectorAll('.zoom')) picture.addEventListener('click', () => picture.classList.toggle('full'));
